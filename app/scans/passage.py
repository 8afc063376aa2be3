import hashlib
import json
from datetime import datetime
from typing import Any
from uuid import UUID

from app.core.db.plain import new_plain
from app.core.security.qr_token import token_hash
from app.notifications.kinds import NotificationKind
from app.notifications.payloads import ArrivalPayload
from app.notifications.repository import OutgoingMail
from app.scans.models import Scan
from app.scans.schemas import ScanCreate
from app.scans.verdict import Decision, Gate
from app.sites.models import Site
from app.visitors import mails
from app.visitors.arrival import arrival_window
from app.visitors.lifecycle import correct_exit, leave
from app.visitors.models import Visitor, VisitorStatus


def entry(body: ScanCreate, gate: Gate, caller_id: UUID, now: datetime) -> Scan:
    """Return the row of an undecided scan."""
    return new_plain(
        Scan,
        caller_id=caller_id,
        scan_id=body.scan_id,
        body_hash=body_hash(body),
        token_hash=token_hash(body.token),
        direction=body.direction,
        gate=gate.name,
        site_id=gate.site_id,
        scanned_at=body.scanned_at,
        created_at=now,
    )


def decide_scan(scan: Scan, decision: Decision, visitor_id: UUID | None) -> None:
    scan.visitor_id = visitor_id
    scan.verdict = decision.verdict
    scan.code = decision.code
    scan.message = decision.message
    scan.details = decision.details


def go_out(visitor: Visitor, at: datetime, now: datetime) -> dict[str, Any]:
    """Check out, or correct an automatic check-out; return details for the audit log."""
    if visitor.status is VisitorStatus.COMPLETED:
        correct_exit(visitor, at, now)
        return {"corrected": True}
    leave(visitor, at, now)
    return {}


def body_hash(body: ScanCreate, *, with_time: bool = True) -> bytes:
    """Hash everything that scans with the same `scan_id` must share."""
    said = body.model_dump(mode="json", exclude={"scan_id"})
    if not with_time:
        said["scanned_at"] = None
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).digest()


def arrival_mails(
    visitor: Visitor, site: Site, gate: str | None, at: datetime
) -> list[OutgoingMail]:
    """Return the arrival mail to the host, or to the reception without an address."""
    to_reception = visitor.host_email is None
    facts = mails.visit_payload(visitor, site).model_dump()
    payload = ArrivalPayload(**facts, arrived_at=at, gate=gate, to_reception=to_reception)
    if to_reception:
        return _to_reception(visitor, site, payload)
    return mails.to_host(NotificationKind.host_arrival, visitor, site, payload, 0)


def _to_reception(visitor: Visitor, site: Site, payload: ArrivalPayload) -> list[OutgoingMail]:
    if site.reception_email is None:
        return []
    return [
        OutgoingMail(
            kind=NotificationKind.host_arrival,
            payload=payload,
            to=site.reception_email,
            name=site.name,
            visitor_id=visitor.id,
            version=0,
            pointless_after=arrival_window(visitor, site).closes,
        )
    ]
