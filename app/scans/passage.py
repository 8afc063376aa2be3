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
from app.scans.models import Scan, ScanMethod
from app.scans.schemas import ScanCreate
from app.scans.verdict import Decision, Gate, is_correction
from app.sites.models import Site
from app.visitors import mails
from app.visitors.arrival import may_return
from app.visitors.lifecycle import correct_exit, leave
from app.visitors.models import Visitor
from app.visitors.stay_models import OutMethod, Stay


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
        method=ScanMethod.GATE,
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


def go_out(
    visitor: Visitor,
    site: Site,
    stay: Stay,
    at: datetime,
    now: datetime,
    by: OutMethod = OutMethod.GATE,
) -> dict[str, Any]:
    """Check out, or correct an automatic check-out; return details for the audit log."""
    if is_correction(visitor, stay, at):
        correct_exit(visitor, stay, at, now, by)
        return {"corrected": True}
    leave(visitor, stay, at, now, by, may_return=may_return(visitor, site, at))
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
    """Return the arrival mails to host and co-hosts; the reception stands in for no address."""
    facts = mails.visit_payload(visitor, site).model_dump()
    payload = ArrivalPayload(**facts, arrived_at=at, gate=gate)
    # After an undo the visit has another revision, so that the host is told again.
    kind, version = NotificationKind.host_arrival, visitor.revision
    return mails.to_receiver(kind, visitor, site, payload, version)
