"""Traces for OpenTelemetry, with the extra `vms[tracing]` and its own variables (`OTEL_…`) alone.

FastAPI makes the spans of requests, the SQLAlchemy instrumentation those of its statements, the
worker those of jobs and mails. Here they get a way out, and lose whatever could name a person.
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

from app.core import journeys

# What is told of a request. Its path and query hold ids, searches and the tokens of passes.
TOLD_OF_A_REQUEST = frozenset(
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
    """Send the spans of this process to where the variables say. To be called once, before any
    engine is made."""
    os.environ.setdefault("OTEL_SERVICE_NAME", "vms")
    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(Discreet(OTLPSpanExporter())))
    trace.set_tracer_provider(provider)
    # It knows of no SQLAlchemy 2.1 yet, but uses what is the same there: tests/e2e/test_tracing.py.
    SQLAlchemyInstrumentor().instrument(skip_dep_check=True)
    journeys.observers.append(_span_of_journey)


def _span_of_journey(sql: str, _: tuple[Any, ...]) -> AbstractContextManager[trace.Span]:
    """Named and described as the instrumentation does it with the others."""
    attributes = {"db.system": "postgresql", "db.statement": sql}
    return trace.get_tracer(__name__).start_as_current_span(
        sql.split(maxsplit=1)[0], kind=SpanKind.CLIENT, attributes=attributes
    )


class Discreet(SpanExporter):
    """Passes spans on without personal data, and without statements that belong to nothing.

    An error is told by its type: its text may quote the row that it is about.
    """

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        told = [_told(span) for span in spans if span.parent or span.kind is not SpanKind.CLIENT]
        return self._exporter.export(told) if told else SpanExportResult.SUCCESS

    def shutdown(self) -> None:
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return self._exporter.force_flush(timeout_millis)


def _told(span: ReadableSpan) -> ReadableSpan:
    return ReadableSpan(
        name=span.name,
        context=span.context,
        parent=span.parent,
        resource=span.resource,
        attributes=_told_attributes(span),
        links=span.links,
        kind=span.kind,
        status=Status(span.status.status_code),
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )


def _told_attributes(span: ReadableSpan) -> Mapping[str, AttributeValue]:
    attributes = dict(span.attributes or {})
    if span.kind is not SpanKind.SERVER:
        return attributes
    return {name: attributes[name] for name in TOLD_OF_A_REQUEST & attributes.keys()}
