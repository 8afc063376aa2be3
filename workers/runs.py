from functools import wraps
from time import perf_counter
from typing import Any

from arq.typing import WorkerCoroutine
from opentelemetry import trace
from opentelemetry.trace import StatusCode
from prometheus_client import Summary

from app.core.db.errors import OUTAGES
from app.core.job_runs import note_run
from app.core.observability.logging import logger
from app.core.request_context import RequestContext, set_request_context
from workers.context import WorkerContext, context_of

_durations = Summary("vms_job_duration_seconds", "Duration of job runs", ["job_name", "result"])
_tracer = trace.get_tracer("vms.worker")


def watched(job: WorkerCoroutine) -> WorkerCoroutine:
    """Wrap a job to count and record its runs.

    Errors are logged, not raised: ARQ would log them again without the ids.
    """
    name = job.__qualname__

    @wraps(job)
    async def run(ctx: dict[Any, Any]) -> None:
        set_request_context(
            RequestContext(ctx["job_id"], is_request_id_of_client=False, subjects={"job": name})
        )
        began = perf_counter()
        result = "cancelled"
        try:
            with _tracer.start_as_current_span(name, record_exception=False):
                result = await _result(job, ctx)
        finally:
            _durations.labels(name, result).observe(perf_counter() - began)
        await _note(context_of(ctx), name, succeeded=result == "succeeded")

    return run


async def _result(job: WorkerCoroutine, ctx: dict[Any, Any]) -> str:
    try:
        await job(ctx)
    except Exception:
        logger.exception("job failed")
        trace.get_current_span().set_status(StatusCode.ERROR)
        return "failed"
    return "succeeded"


async def _note(context: WorkerContext, name: str, *, succeeded: bool) -> None:
    try:
        async with context.database.write() as unit:
            await note_run(unit, name, context.clock.now(), succeeded=succeeded)
    except OUTAGES as error:
        logger.warning("run not written down", error=type(error).__name__)
