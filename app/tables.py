"""Import every table, for Alembic and for configured mappers."""

from app.api_keys.models import ApiKey, ApiKeySite
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
from app.events.models import Event, EventLog, PendingEvent
from app.musters.models import Muster, MusterEntry, MusterLink, MusterMark
from app.notifications.models import Notification
from app.reports.models import VisitChange, VisitCount, VisitMonthCount
from app.scans.models import Scan
from app.sites.logo_models import SiteLogo
from app.sites.models import Site, SiteChange, SiteClosure
from app.slots.models import Slot
from app.streams.models import StreamTicket
from app.users.models import Delegate, User
from app.visitors.group_models import Group
from app.visitors.models import RetiredQrCode, Visitor
from app.visitors.stay_models import Stay
from app.webhooks.models import Webhook, WebhookCursor, WebhookDelivery

metadata = Base.metadata

__all__ = [
    "AccountEvent",
    "AccountLink",
    "ApiKey",
    "ApiKeySite",
    "AuditEntry",
    "AuditHead",
    "AuthSession",
    "Delegate",
    "Department",
    "Device",
    "DirectoryCode",
    "DirectoryFlow",
    "DirectoryLink",
    "Event",
    "EventLog",
    "FormerAccountEvent",
    "FormerAccountLink",
    "Group",
    "IdempotentAnswer",
    "JobRun",
    "Lease",
    "Muster",
    "MusterEntry",
    "MusterLink",
    "MusterMark",
    "Notification",
    "Passkey",
    "PasskeyChallenge",
    "PendingEvent",
    "RecoveryCode",
    "RefreshToken",
    "RetiredQrCode",
    "Rollout",
    "Scan",
    "SignInTicket",
    "Site",
    "SiteChange",
    "SiteClosure",
    "SiteLogo",
    "Slot",
    "Stay",
    "StreamTicket",
    "TotpFactor",
    "User",
    "VisitChange",
    "VisitCount",
    "VisitMonthCount",
    "Visitor",
    "Webhook",
    "WebhookCursor",
    "WebhookDelivery",
    "metadata",
]
