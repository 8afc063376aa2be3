"""Traces, from real processes to a collector."""

from pathlib import Path

import httpx
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.e2e.collector import Collector, collecting
from tests.e2e.installation import Installation, all_ready, eventually, free_port, process

REQUEST_ID = "traced-request-0001"
UNKNOWN = "018f0000-0000-7000-8000-000000000000"


async def test_requests_and_jobs_are_traced_without_what_people_typed(
    installation: Installation, other_redis_url: str, tmp_path: Path
):
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    with collecting() as collector:
        environment = installation.environment | {
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{collector.port}",
            "OTEL_BSP_SCHEDULE_DELAY": "100",
            "REDIS_URL": other_redis_url,  # or the installation's worker would take the jobs
            "WORKER_HEARTBEAT_FILE": str(tmp_path / "heartbeat"),
        }
        with (
            process(["serve", "--port", str(port)], environment, tmp_path / "api.log"),
            process(["worker"], environment, tmp_path / "worker.log"),
        ):
            await all_ready((address,))
            await search(installation, address)
            await eventually(lambda: "close_visits" in names(collector), seconds=120)
    request = one(collector, "GET /api/visitors/{visitor_id}/")
    attributes = {entry.key: entry.value for entry in request.attributes}
    assert attributes["vms.request_id"].string_value == REQUEST_ID
    assert attributes["http.response.status_code"].int_value == 404
    assert "SELECT" in {first_word(span) for span in spans(collector) if belongs(span, request)}
    job = one(collector, "close_visits")
    assert "SELECT" in {first_word(span) for span in spans(collector) if belongs(span, job)}
    everything = b"".join(collector.bodies)
    for typed in (
        b"typed-query",
        b"typed-name",
        UNKNOWN.encode(),
        installation.addresses[0].encode(),
    ):
        assert typed not in everything


async def search(installation: Installation, address: str) -> None:
    [client, *others] = await installation.signed_in()
    for other in others:
        await other.aclose()
    async with client:
        here = httpx.URL(address)
        await client.get(here.join("/api/visitors/"), params={"q": "typed-query"})
        await client.post(here.join("/api/visitors/"), json={"name": "typed-name"})
        await client.get(
            here.join(f"/api/visitors/{UNKNOWN}/"),
            headers={"X-Request-ID": REQUEST_ID},
        )


def spans(collector: Collector) -> list[Span]:
    return [
        span
        for body in list(collector.bodies)
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]


def names(collector: Collector) -> set[str]:
    return {span.name for span in spans(collector)}


def one(collector: Collector, name: str) -> Span:
    return next(span for span in spans(collector) if span.name == name)


def belongs(span: Span, to: Span) -> bool:
    return span.trace_id == to.trace_id and span.kind == Span.SpanKind.SPAN_KIND_CLIENT


def first_word(span: Span) -> str:
    return span.name.partition(" ")[0]
