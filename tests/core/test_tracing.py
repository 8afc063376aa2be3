"""The parts of a span that are exported."""

from collections.abc import Sequence

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, Status, StatusCode, Tracer

from app.core.observability.tracing import RedactingExporter

EMAIL = "ada@example.com"


@pytest.fixture
def told() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def tracer(told: InMemorySpanExporter) -> Tracer:
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(RedactingExporter(told)))
    return provider.get_tracer("tests")


def names(spans: Sequence[ReadableSpan]) -> list[str]:
    return [span.name for span in spans]


def test_a_request_is_exported_by_pattern_and_not_by_path(
    tracer: Tracer, told: InMemorySpanExporter
):
    attributes = {
        "http.route": "/pass/{token}",
        "url.path": "/pass/V1VK4YQKWS4CH74OEPGDE7BCGAEXB77N6RB2CUEUIR",
        "url.query": f"q={EMAIL}",
        "client.address": "192.0.2.1",
    }
    tracer.start_span("GET", kind=SpanKind.SERVER, attributes=attributes).end()
    [span] = told.get_finished_spans()
    assert dict(span.attributes or {}) == {"http.route": "/pass/{token}"}


def test_an_error_is_exported_without_its_text(tracer: Tracer, told: InMemorySpanExporter):
    text = f"duplicate key: ({EMAIL}) already exists"
    with tracer.start_as_current_span("request"):
        span = tracer.start_span("INSERT", kind=SpanKind.CLIENT)
        span.record_exception(ValueError(text))
        span.set_status(Status(StatusCode.ERROR, text))
        span.end()
    [statement, _] = told.get_finished_spans()
    assert statement.status.status_code is StatusCode.ERROR
    assert (statement.status.description, statement.events) == (None, ())
    assert EMAIL not in statement.to_json()


def test_a_statement_outside_requests_is_not_exported(tracer: Tracer, told: InMemorySpanExporter):
    tracer.start_span("SELECT", kind=SpanKind.CLIENT).end()
    with tracer.start_as_current_span("job"):
        tracer.start_span("UPDATE", kind=SpanKind.CLIENT).end()
    assert names(told.get_finished_spans()) == ["UPDATE", "job"]
