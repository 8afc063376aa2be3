"""Every word that the API uses, with a label for people; a new enumeration is one line."""

import re
from collections.abc import Iterator
from enum import StrEnum

from app.api_keys.schemas import KeyStatus
from app.audit.models import AuditAction, VisitorAction
from app.auth.models import AccountAction
from app.badges.layout import BadgeSize
from app.core.errors import Problem
from app.core.languages import Language
from app.desk.schemas import AttentionKind
from app.devices.models import DeviceKind
from app.events.kinds import ActorKind, EventType
from app.groups.schemas import Outcome
from app.musters.models import Confidence, MarkState, MusterKind, MusterStatus
from app.musters.schemas import MarkOutcome
from app.notifications.kinds import NotificationKind
from app.notifications.models import NotificationStatus
from app.scans.models import ScanDirection, ScanMethod, ScanVerdict
from app.scans.schemas import OfflineResult
from app.sites.models import ReEntry
from app.slots.rules import SlotReason
from app.users.roles import Permission, Role
from app.visitors.cards import DeskAction
from app.visitors.models import Presence, Purpose, VisitorCategory, VisitorStatus, VisitorType
from app.visitors.stay_models import InMethod, OutMethod
from app.webhooks.models import DeliveryStatus, DisabledReason, PayloadKind, WebhookStatus

ENUMS: tuple[type[StrEnum], ...] = (
    AccountAction,
    ActorKind,
    AttentionKind,
    AuditAction,
    BadgeSize,
    Confidence,
    DeliveryStatus,
    DeskAction,
    DeviceKind,
    DisabledReason,
    EventType,
    InMethod,
    KeyStatus,
    Language,
    MarkOutcome,
    MarkState,
    MusterKind,
    MusterStatus,
    NotificationKind,
    NotificationStatus,
    OfflineResult,
    Outcome,
    OutMethod,
    PayloadKind,
    Permission,
    Presence,
    Purpose,
    ReEntry,
    Role,
    ScanDirection,
    ScanMethod,
    ScanVerdict,
    SlotReason,
    VisitorAction,
    VisitorCategory,
    VisitorStatus,
    VisitorType,
    WebhookStatus,
)
# Where the words alone would not do.
LABELS = {
    BadgeSize.LABEL: "62 x 100 mm",
    BadgeSize.WIDE_LABEL: "89 x 36 mm",
    Language.ENGLISH: "English",
    Language.GERMAN: "German",
    OutMethod.BULK: "Everybody at once",
    ScanMethod.BULK: "Everybody at once",
    ReEntry.NONE: "No re-entry",
    Presence.NO_SHOW: "No-show",
    Purpose.I_FACTORY_VISIT: "i-Factory visit",
    Purpose.I_FACTORY_TRAINING: "i-Factory training",
}
INNER_CAPITAL = re.compile(r"(?<=[a-z])(?=[A-Z])")


def enumerations() -> dict[str, dict[str, str]]:
    """Return the English label of every word, by enumeration."""
    enums = {_name(enum): {word.value: _label(word) for word in enum} for enum in ENUMS}
    return enums | {"problem_code": _titles()}


def _name(enum: type[StrEnum]) -> str:
    return INNER_CAPITAL.sub("_", enum.__name__).lower()


def _label(word: StrEnum) -> str:
    said = word.value.replace("_", " ").replace(".", " ").replace(":", ": ")
    return LABELS.get(word) or said[:1].upper() + said[1:]


def _titles() -> dict[str, str]:
    """Return the title of each problem by its code, which a few share."""
    ours = (each for each in _descendants(Problem) if each.__module__.startswith("app."))
    return dict(sorted((each.code, each.title) for each in ours))


def _descendants(problem: type[Problem]) -> Iterator[type[Problem]]:
    for each in problem.__subclasses__():
        yield each
        yield from _descendants(each)
