"""Metrics of webhooks; what waits is queried instead."""

from prometheus_client import Counter, Histogram

RESULTS = ("delivered", "deferred", "failed")

_attempts = Counter("vms_webhook_attempts", "Attempts to deliver an event", ["result"])
for _result in RESULTS:
    _attempts.labels(_result)
_delays = Histogram(
    "vms_webhook_delay_seconds",
    "Time from when a delivery is queued until the receiver accepts it",
    buckets=(0.1, 0.5, 1, 2, 5, 10, 30, 60, 300, 1800, 7200, 86400),
)
_disabled = Counter("vms_webhooks_disabled", "Webhooks that were disabled", ["reason"])
for _reason in ("gone", "failing", "maker_closed"):
    _disabled.labels(_reason)


def count_attempt(result: str) -> None:
    _attempts.labels(result).inc()


def count_delay(seconds: float) -> None:
    _delays.observe(seconds)


def count_disabled(reason: str) -> None:
    _disabled.labels(reason).inc()
