"""Figures of the outbox. What waits in it is not counted here but read from the table."""

from prometheus_client import Counter, Histogram

from app.notifications.claim_statements import Claim, DeliveryOutcome
from app.notifications.kinds import NotificationKind
from app.notifications.models import NotificationStatus

# What an attempt came to. A mail that goes back into the queue is deferred, in the words of SMTP.
RESULTS = {
    NotificationStatus.SENT: "sent",
    NotificationStatus.QUEUED: "deferred",
    NotificationStatus.FAILED: "failed",
}
CLAIM_LOST = "claim_lost"

_attempts = Counter("vms_mail_attempts", "Mails tried", ["kind", "result"])
for _kind in NotificationKind:
    for _result in (*RESULTS.values(), CLAIM_LOST):
        _attempts.labels(_kind, _result)
_delays = Histogram(
    "vms_mail_delay_seconds",
    "From a mail's first being due to the mail server's yes",
    buckets=(0.1, 0.5, 1, 2, 5, 10, 30, 60, 300, 1800, 7200, 86400),
)
_taken_over = Counter("vms_mails_taken_over", "Mails that a dead worker had in hand")
_superseded = Counter("vms_mails_superseded", "Mails dropped since their time had passed")


def count_attempt(claim: Claim, outcome: DeliveryOutcome, *, settled: bool) -> None:
    """One attempt; `settled` says whether the outcome could be written down."""
    result = RESULTS[outcome.status] if settled else CLAIM_LOST
    _attempts.labels(claim.kind, result).inc()
    if outcome.sent_at:
        _delays.observe((outcome.sent_at - claim.tries_began_at).total_seconds())


def count_sweep(taken_over: int, superseded: int) -> None:
    _taken_over.inc(taken_over)
    _superseded.inc(superseded)
