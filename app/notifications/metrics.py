"""Metrics of mail delivery; the size of the queue is queried instead."""

from prometheus_client import Counter, Histogram

from app.notifications.claim_statements import Claim, DeliveryOutcome
from app.notifications.kinds import NotificationKind
from app.notifications.models import NotificationStatus

# "deferred" is the SMTP term for a mail that is queued again.
RESULTS = {
    NotificationStatus.SENT: "sent",
    NotificationStatus.QUEUED: "deferred",
    NotificationStatus.FAILED: "failed",
}
CLAIM_LOST = "claim_lost"

_attempts = Counter("vms_mail_attempts", "Attempts to send a mail", ["kind", "result"])
for _kind in NotificationKind:
    for _result in (*RESULTS.values(), CLAIM_LOST):
        _attempts.labels(_kind, _result)
_delays = Histogram(
    "vms_mail_delay_seconds",
    "Time from when a mail is first due until the mail server accepts it",
    buckets=(0.1, 0.5, 1, 2, 5, 10, 30, 60, 300, 1800, 7200, 86400),
)
_taken_over = Counter("vms_mails_taken_over", "Mails claimed by a worker that did not finish")
_superseded = Counter("vms_mails_superseded", "Mails that were not sent because they were outdated")


def count_attempt(claim: Claim, outcome: DeliveryOutcome, *, settled: bool) -> None:
    """Count an attempt; `settled` means that its outcome was recorded."""
    result = RESULTS[outcome.status] if settled else CLAIM_LOST
    _attempts.labels(claim.kind, result).inc()
    if outcome.sent_at:
        _delays.observe((outcome.sent_at - claim.tries_began_at).total_seconds())


def count_sweep(taken_over: int, superseded: int) -> None:
    _taken_over.inc(taken_over)
    _superseded.inc(superseded)
