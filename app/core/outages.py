"""Tells the log of a part that is away, and not with each try: hours of it are seen at a glance."""

from time import monotonic

from app.core.logging import logger

QUIET_SECONDS = 60.0


class Outage:
    """What `event` says once, then once a minute at most, until it is `over`."""

    def __init__(self, event: str, over: str) -> None:
        self._event, self._over = event, over
        self._told_at: float | None = None

    def tell(self, error: Exception) -> None:
        """A try has failed."""
        now = monotonic()
        if self._told_at is None or now - self._told_at >= QUIET_SECONDS:
            self._told_at = now
            logger.warning(self._event, error=type(error).__name__)

    def over(self) -> None:
        """A try has succeeded."""
        if self._told_at is not None:
            self._told_at = None
            logger.info(self._over)
