"""Mails about changes of second factors."""

from dataclasses import dataclass
from datetime import datetime

from app.core.db.database import AfterCommit, WriteSession
from app.core.languages import Language
from app.notifications.kinds import NotificationKind
from app.notifications.payloads import FactorChange, SecondFactorPayload
from app.notifications.repository import Outbox, OutgoingMail
from app.users.models import User


@dataclass(frozen=True, slots=True)
class FactorMails:
    """Tells the owner of an account, in the language of the request."""

    wake: AfterCommit
    language: Language

    def tell(self, unit: WriteSession, user: User, change: FactorChange, now: datetime) -> None:
        payload = SecondFactorPayload(
            language=self.language, first_name=user.first_name or user.email, change=change
        )
        mail = OutgoingMail(
            kind=NotificationKind.second_factor_changed,
            payload=payload,
            to=user.email,
            name=user.name,
        )
        Outbox(unit, self.wake).put(mail, now)
