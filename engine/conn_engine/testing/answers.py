"""Compares recorded responses with the vendor's own schema of the operation (`response_schema`)."""

import re

from msgspec import UNSET

from conn_engine.config import Effective, VendorOperation, compile_part
from conn_engine.diagnostics import Diagnostic, Span, diagnostic, pluralize
from conn_engine.documents import format_path
from conn_engine.errors import ConfigurationError
from conn_engine.recordings.files import Exchange
from conn_engine.runtime.model_schemas import SchemaTally
from conn_engine.runtime.unified import find_operation_behind
from conn_engine.testing.cases import Case, recorded_call
from conn_engine.transport.url_templates import hide_templates
from conn_engine.urls import split_plain_url

__all__ = ["judge_answers"]

_MOST = 5
_MADE_UP = ("contract", "sample")


def judge_answers(effective: Effective, case: Case, path_text: str) -> list[Diagnostic]:
    """Report REC200 for each place where recorded responses do not match the vendor's schema, and CFG104 for a schema
    that cannot be used. Recordings that were generated from a document are skipped: they do not show what the vendor
    sends."""
    recording = case.recording
    operation = find_operation_behind(effective, case.name, recorded_call(recording))
    if operation is None or operation.response_schema is None or recording.source in _MADE_UP:
        return []
    bodies = [exchange.response.body for exchange in recording.exchanges if _answers(operation, exchange)]
    if not bodies:
        return []
    try:
        schema = effective.schemas.find_schema(operation.response_schema, "response_schema")
        tally = SchemaTally(compile_part(schema or {}, "response_schema"))
    except ConfigurationError as error:
        path = operation.get_path("response_schema")
        return [diagnostic("CFG104", error.message, effective.span(path), path=format_path(path), hint=error.hint)]
    tally.add(bodies)
    return [
        diagnostic(
            "REC200",
            f"response_schema does not match: {row.path or 'the response'} {row.message} ({row.records} of "
            f"{pluralize(len(bodies), 'recorded response')})",
            Span(path_text),
            hint="if response_schema is out of date, correct it; otherwise record the operation again: conn record "
            f"{case.name.text} --account {effective.account or 'ACCOUNT'} --force",
        )
        for row in tally.violations[:_MOST]
    ]


def _answers(operation: VendorOperation, exchange: Exchange) -> bool:
    """Return whether an exchange is a successful one of the operation, with a JSON response."""
    request, response = exchange.request, exchange.response
    if request.method != operation.method or not 200 <= response.status < 300 or response.body is UNSET:
        return False
    pieces = hide_templates(operation.path.partition("?")[0].rstrip("/")).split("\0")
    pattern = ".+".join(re.escape(piece) for piece in pieces) + "/?$"
    return re.search(pattern, split_plain_url(request.url).path) is not None
