"""Which mails a change of a visit makes, and which of the earlier ones it outdates."""

from app.core.db.rollout import require_finished
from app.devices.errors import UnknownSite
from app.notifications.kinds import TO_VISITOR, NotificationKind
from app.notifications.payloads import VisitPayload
from app.notifications.repository import OutgoingMail
from app.sites.models import Site
from app.sites.repository import SiteReader
from app.visitors import mails
from app.visitors.co_hosts import is_address_of
from app.visitors.host_service import NamedHost
from app.visitors.lifecycle import HOLDS_SEAT
from app.visitors.models import Visitor
from app.visitors.recipients import NewRecipients
from app.visitors.registration_service import BaseVisitorService

CONFIRMATION = NotificationKind.visitor_confirmation


class NotifyingService(BaseVisitorService):
    async def _mails_to_former_hosts(
        self, visitor: Visitor, host: NamedHost, recipients: NewRecipients
    ) -> list[OutgoingMail]:
        """Return the mails to former host and co-hosts, about the visit as they know it.

        One who stays in the other role gets none: it would remove the visit from their calendar.
        """
        if visitor.status not in HOLDS_SEAT or not (recipients.outdated or recipients.co_hosts):
            return []
        site = await self._site_of(visitor)
        present = [*recipients.co_hosts, *([host.email] if recipients.host and host.email else [])]
        for address in present:
            await self.outbox.supersede_hand_over(visitor.id, address, self.now)
        payload = mails.handed_over_payload(visitor, site).model_copy(
            update={"new_host_name": host.name or host.email, "sequence": visitor.revision + 1}
        )
        kind = NotificationKind.host_handed_over
        to_former = [
            mail
            for mail in mails.to_host(kind, visitor, site, payload, visitor.revision)
            if mail.co_host in recipients.outdated
            and not any(is_address_of(address, mail.to) for address in present)
        ]
        if to_former or recipients.co_hosts:
            await require_finished(self.unit)
        return to_former

    async def _notify_recipients(self, visitor: Visitor, recipients: NewRecipients) -> None:
        """Notify new recipients of a visit that was not moved, the others of its duration."""
        site = await self._site_of(visitor)
        visitor.revision += 1
        if recipients.visitor:
            await self.outbox.supersede([visitor.id], self.now, TO_VISITOR)
        if recipients.outdated:
            await self.outbox.supersede_to_hosts([visitor.id], self.now, recipients.outdated)
        update = None
        if recipients.tells_duration:
            await self.outbox.outdate_claimed(visitor.id, self.now)
            update = mails.updated_payload(
                visitor, site, previous_duration=recipients.former_duration
            )
        if recipients.visitor:
            self._notify_visitor(CONFIRMATION, visitor, site, mails.visit_payload(visitor, site))
        elif update is not None:
            self._notify_visitor(NotificationKind.visitor_updated, visitor, site, update)
        change = None if update is None else (NotificationKind.host_updated, update)
        self._notify_hosts(visitor, site, recipients, change)

    def _notify_hosts(
        self,
        visitor: Visitor,
        site: Site,
        recipients: NewRecipients,
        change: tuple[NotificationKind, VisitPayload] | None,
    ) -> None:
        """Notify new host and co-hosts of the visit, the others of its change."""
        kind, booked = NotificationKind.host_registration, mails.visit_payload(visitor, site)
        for mail in mails.to_host(kind, visitor, site, booked, visitor.revision):
            if recipients.is_new(mail.co_host):
                self.outbox.put(mail, self.now)
        if change is None:
            return
        kind, payload = change
        for mail in mails.to_host(kind, visitor, site, payload, visitor.revision):
            if not recipients.is_new(mail.co_host):
                self.outbox.put(mail, self.now)

    def _notify_visitor(
        self, kind: NotificationKind, visitor: Visitor, site: Site, payload: VisitPayload
    ) -> None:
        for mail in mails.to_visitor(kind, visitor, site, payload, visitor.revision):
            self.outbox.put(mail, self.now)

    def _notify_host(
        self, kind: NotificationKind, visitor: Visitor, site: Site, payload: VisitPayload
    ) -> None:
        for mail in mails.to_host(kind, visitor, site, payload, visitor.revision):
            self.outbox.put(mail, self.now)

    async def _site_of(self, visitor: Visitor) -> Site:
        site = await SiteReader(self.unit).get(visitor.site_id)
        if site is None:
            raise UnknownSite
        return site
