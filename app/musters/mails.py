"""The mail that brings a warden the link."""

from dataclasses import dataclass
from datetime import datetime

from app.core.db.database import AfterCommit, WriteSession
from app.musters.models import Muster, MusterKind, MusterLink
from app.musters.wardens import LIVES_FOR
from app.notifications.kinds import NotificationKind
from app.notifications.links import Links
from app.notifications.payloads import MusterStartedPayload
from app.notifications.repository import Outbox, OutgoingMail
from app.sites.repository import SiteReader


@dataclass(frozen=True, slots=True)
class MusterMails:
    """Tells wardens, in the language of the site."""

    wake: AfterCommit
    links: Links

    async def tell(
        self,
        unit: WriteSession,
        muster: Muster,
        link: MusterLink,
        address: str,
        token: str,
        now: datetime,
    ) -> None:
        """Queue the mail; it is deleted once it is sent, since the link is in it."""
        site = (await SiteReader(unit).by_id([muster.site_id]))[muster.site_id]
        payload = MusterStartedPayload(
            language=site.language,
            warden_name=link.name,
            site_name=site.name,
            timezone=site.timezone,
            started_at=muster.started_at,
            is_drill=muster.kind is MusterKind.DRILL,
            link=self.links.muster(token),
        )
        mail = OutgoingMail(
            kind=NotificationKind.muster_started,
            payload=payload,
            to=address,
            name=link.name,
            pointless_after=muster.started_at + LIVES_FOR,
            erase_when_done=True,
        )
        Outbox(unit, self.wake).put(mail, now)
