"""OpenTelemetry traces, exported without personal data.

They need the extra `vms[tracing]` and the `OTEL_…` variables.
"""

import os
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.sqlalchemy import SQLAlchemyInstrumentor
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import SpanKind, Status
from opentelemetry.util.types import AttributeValue

from app.core.db import direct

# Path and query are not exported: they contain ids, searches and pass tokens.
REQUEST_ATTRIBUTES = frozenset(
    {
        "error.type",
        "http.request.method",
        "http.response.status_code",
        "http.route",
        "network.protocol.version",
        "url.scheme",
        "vms.request_id",
    }
)


def start_tracing() -> None:
    """Export the spans of this process; call before any engine is created."""
    os.environ.setdefault("OTEL_SERVICE_NAME", "vms")
    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(RedactingExporter(OTLPSpanExporter())))
    trace.set_tracer_provider(provider)
    # It works with SQLAlchemy 2.1, but does not declare so: tests/e2e/test_tracing.py.
    SQLAlchemyInstrumentor().instrument(skip_dep_check=True)
    direct.observers.append(_span_of_statement)


def _span_of_statement(sql: str, _: tuple[Any, ...]) -> AbstractContextManager[trace.Span]:
    """Start the span that the instrumentation would start."""
    attributes = {"db.system": "postgresql", "db.statement": sql}
    return trace.get_tracer(__name__).start_as_current_span(
        sql.split(maxsplit=1)[0], kind=SpanKind.CLIENT, attributes=attributes
    )


class RedactingExporter(SpanExporter):
    """Exports spans without personal data, and no statements outside requests and jobs.

    An error is exported by its type, since its text may quote a row.
    """

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        redacted = [
            _redacted(span) for span in spans if span.parent or span.kind is not SpanKind.CLIENT
        ]
        return self._exporter.export(redacted) if redacted else SpanExportResult.SUCCESS

    def shutdown(self) -> None:
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return self._exporter.force_flush(timeout_millis)


def _redacted(span: ReadableSpan) -> ReadableSpan:
    return ReadableSpan(
        name=span.name,
        context=span.context,
        parent=span.parent,
        resource=span.resource,
        attributes=_redacted_attributes(span),
        links=span.links,
        kind=span.kind,
        status=Status(span.status.status_code),
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )


def _redacted_attributes(span: ReadableSpan) -> Mapping[str, AttributeValue]:
    attributes = dict(span.attributes or {})
    if span.kind is not SpanKind.SERVER:
        return attributes
    return {name: attributes[name] for name in REQUEST_ATTRIBUTES & attributes.keys()}
