"""Log an outage once instead of for every failed call."""

from time import monotonic

from app.core.observability.logging import logger

QUIET_SECONDS = 60.0


class Outage:
    """Logs `event` at most once a minute until the outage is over."""

    def __init__(self, event: str, over: str) -> None:
        self._event, self._over = event, over
        self._reported_at: float | None = None

    def report(self, error: Exception) -> None:
        now = monotonic()
        if self._reported_at is None or now - self._reported_at >= QUIET_SECONDS:
            self._reported_at = now
            logger.warning(self._event, error=type(error).__name__)

    def over(self) -> None:
        if self._reported_at is not None:
            self._reported_at = None
            logger.info(self._over)
