"""Traces by OpenTelemetry: a span for each request, and one for each exchange with a vendor.

They are on if one of the standard variables names a receiver (`OTEL_EXPORTER_OTLP_ENDPOINT`). A span has no account, no
query, no path below the route, no host (it may be that of one customer), and no message of an error.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final, Protocol

__all__ = ["NO_TRACES", "OpenTelemetryTraces", "Traces", "open_traces"]

_LOG = logging.getLogger(__name__)
_PARENTS: Final = (b"traceparent", b"tracestate")
_RECEIVERS: Final = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_PROTOCOLS: Final = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")


class Traces(Protocol):
    """Where spans go. The attributes of a span may be changed until its block ends."""

    def trace_request(self, headers: Sequence[tuple[bytes, bytes]], attributes: dict[str, Any]) -> Any:
        """Return the context of a request's span, whose parent is in the headers. It yields the ID of the trace."""
        ...

    def trace_exchange(self, name: str, attributes: dict[str, Any]) -> Any:
        """Return the context of the span of an exchange with a vendor."""
        ...

    def close(self) -> None:
        """Send what is left."""
        ...


class _NoTraces:
    @contextmanager
    def trace_request(self, headers: Sequence[tuple[bytes, bytes]], attributes: dict[str, Any]) -> Iterator[str]:
        """Do nothing."""
        yield ""

    @contextmanager
    def trace_exchange(self, name: str, attributes: dict[str, Any]) -> Iterator[str]:
        """Do nothing."""
        yield ""

    def close(self) -> None:
        """Do nothing."""


NO_TRACES: Final[Traces] = _NoTraces()


def open_traces(environ: Mapping[str, str]) -> Traces:
    """Return where the standard variables send traces to. Without the libraries, the log says what to install."""
    is_off = environ.get("OTEL_SDK_DISABLED", "").lower() == "true" or environ.get("OTEL_TRACES_EXPORTER") == "none"
    if is_off or not any(environ.get(name) for name in _RECEIVERS):
        return NO_TRACES
    protocol = next((environ[name] for name in _PROTOCOLS if environ.get(name)), "http/protobuf")
    if protocol != "http/protobuf":
        _LOG.warning("traces are sent as http/protobuf, although OTEL_EXPORTER_OTLP_PROTOCOL is %s", protocol)
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ModuleNotFoundError:
        _LOG.warning("no traces are sent: they need some libraries (pip install 'conn-engine[otel]')")
        return NO_TRACES
    return OpenTelemetryTraces(BatchSpanProcessor(OTLPSpanExporter()), environ)


class OpenTelemetryTraces:
    """Traces that a span processor of OpenTelemetry gets."""

    def __init__(self, processor: Any, environ: Mapping[str, str]) -> None:
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        name = {} if "OTEL_SERVICE_NAME" in environ else {"service.name": "conn"}
        self._provider = TracerProvider(resource=Resource.create(name))
        self._provider.add_span_processor(processor)
        self._tracer = self._provider.get_tracer("conn_service")
        self._propagator = TraceContextTextMapPropagator()

    @contextmanager
    def trace_request(self, headers: Sequence[tuple[bytes, bytes]], attributes: dict[str, Any]) -> Iterator[str]:
        """Make a span of a server, with the parent that the caller names."""
        from opentelemetry.trace import SpanKind

        parents = {name.decode(): value.decode("latin-1") for name, value in headers if name in _PARENTS}
        parent = self._propagator.extract(parents)
        with self._span("request", SpanKind.SERVER, attributes, parent) as trace:
            yield trace

    @contextmanager
    def trace_exchange(self, name: str, attributes: dict[str, Any]) -> Iterator[str]:
        """Make a span of a client, below that of the request."""
        from opentelemetry.trace import SpanKind

        with self._span(name, SpanKind.CLIENT, attributes, None) as trace:
            yield trace

    @contextmanager
    def _span(self, name: str, kind: Any, attributes: dict[str, Any], parent: Any) -> Iterator[str]:
        """The attributes are read when the block ends. `name` replaces that of the span, and `error` is its status."""
        from opentelemetry.trace import Status, StatusCode

        with self._tracer.start_as_current_span(
            name, context=parent, kind=kind, record_exception=False, set_status_on_exception=False
        ) as span:
            try:
                yield f"{span.get_span_context().trace_id:032x}"
            finally:
                span.update_name(attributes.pop("name", name))
                if attributes.pop("error", False):
                    span.set_status(Status(StatusCode.ERROR))
                span.set_attributes({key: value for key, value in attributes.items() if value != ""})

    def close(self) -> None:
        """Send what is left."""
        self._provider.shutdown()
