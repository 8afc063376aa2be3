"""Import every table, for Alembic and for configured mappers."""

from app.audit.models import AuditEntry, AuditHead, FormerAccountEvent
from app.auth.directory_models import DirectoryCode, DirectoryFlow, DirectoryLink
from app.auth.factor_models import (
    Passkey,
    PasskeyChallenge,
    RecoveryCode,
    SignInTicket,
    TotpFactor,
)
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
from app.users.models import Delegate, User
from app.visitors.models import RetiredQrCode, Visitor

metadata = Base.metadata

__all__ = [
    "AccountEvent",
    "AccountLink",
    "AuditEntry",
    "AuditHead",
    "AuthSession",
    "Delegate",
    "Department",
    "Device",
    "DirectoryCode",
    "DirectoryFlow",
    "DirectoryLink",
    "FormerAccountEvent",
    "FormerAccountLink",
    "IdempotentAnswer",
    "JobRun",
    "Lease",
    "Notification",
    "Passkey",
    "PasskeyChallenge",
    "RecoveryCode",
    "RefreshToken",
    "RetiredQrCode",
    "Rollout",
    "Scan",
    "SignInTicket",
    "Site",
    "SiteChange",
    "SiteClosure",
    "Slot",
    "TotpFactor",
    "User",
    "VisitChange",
    "VisitCount",
    "Visitor",
    "metadata",
]
