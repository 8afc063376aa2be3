"""Import every table, for Alembic and for code that needs all mappers configured."""

from app.audit.models import AuditEntry, AuditHead, FormerAccountEvent
from app.auth.models import AccountEvent, AccountLink, AuthSession, FormerAccountLink, RefreshToken
from app.core.db.leases import Lease
from app.core.db.models import Base
from app.core.db.rollout import Rollout
from app.core.http.idempotency import IdempotentAnswer
from app.core.job_runs import JobRun
from app.departments.models import Department
from app.devices.models import Device
from app.notifications.models import Notification
from app.reports.models import VisitChange, VisitCount
from app.scans.models import Scan
from app.sites.models import Site, SiteChange, SiteClosure
from app.slots.models import Slot
from app.users.models import User
from app.visitors.models import RetiredQrCode, Visitor

metadata = Base.metadata

__all__ = [
    "AccountEvent",
    "AccountLink",
    "AuditEntry",
    "AuditHead",
    "AuthSession",
    "Department",
    "Device",
    "FormerAccountEvent",
    "FormerAccountLink",
    "IdempotentAnswer",
    "JobRun",
    "Lease",
    "Notification",
    "RefreshToken",
    "RetiredQrCode",
    "Rollout",
    "Scan",
    "Site",
    "SiteChange",
    "SiteClosure",
    "Slot",
    "User",
    "VisitChange",
    "VisitCount",
    "Visitor",
    "metadata",
]
