"""The mail to the maker of a webhook that was disabled."""

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from app.core.db.database import AfterCommit, WriteSession
from app.core.languages import Language
from app.notifications.kinds import NotificationKind
from app.notifications.payloads import WebhookDisabledPayload
from app.notifications.repository import Outbox, OutgoingMail
from app.users.models import User
from app.webhooks.models import Webhook


@dataclass(frozen=True, slots=True)
class WebhookMails:
    """Tells makers, in the language of the installation."""

    wake: AfterCommit

    def tell(
        self, unit: WriteSession, webhook: Webhook, maker: User, error: str | None, now: datetime
    ) -> None:
        """Queue the mail; it names the server alone, since paths may hold secrets."""
        payload = WebhookDisabledPayload(
            language=Language.ENGLISH,
            first_name=maker.first_name or maker.email,
            server=urlsplit(webhook.url).netloc,
            failing_since=webhook.failing_since or now,
            error=error,
        )
        mail = OutgoingMail(
            kind=NotificationKind.webhook_disabled,
            payload=payload,
            to=maker.email,
            name=maker.name,
        )
        Outbox(unit, self.wake).put(mail, now)
