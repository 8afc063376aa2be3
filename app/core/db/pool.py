"""The connection pool, with metrics."""

from time import perf_counter
from typing import Any

from sqlalchemy.pool import AsyncAdaptedQueuePool, ConnectionPoolEntry

from app.core.observability.metrics import POOL_CHECKED_OUT, POOL_SIZE, POOL_WAITS

PRIMARY = "primary"


class MeasuredPool(AsyncAdaptedQueuePool):
    """SQLAlchemy's pool, which also measures waits for a connection."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        name = options.get("logging_name") or PRIMARY
        POOL_SIZE.labels(name).set(self.size())
        self._in_use = POOL_CHECKED_OUT.labels(name)
        self._waits = POOL_WAITS.labels(name)

    def _do_get(self) -> ConnectionPoolEntry:
        try:
            return super()._do_get() if self._has_room() else self._wait()
        finally:
            self._in_use.set(self.checkedout())

    def _has_room(self) -> bool:
        return self.checkedout() < self.size()

    def _wait(self) -> ConnectionPoolEntry:
        began = perf_counter()
        try:
            return super()._do_get()
        finally:
            self._waits.observe(perf_counter() - began)

    def _do_return_conn(self, record: ConnectionPoolEntry) -> None:
        super()._do_return_conn(record)
        self._in_use.set(self.checkedout())
