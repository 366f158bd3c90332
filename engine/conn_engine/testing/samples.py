"""Records an operation from sample responses, such as those in a vendor's documentation. Nothing is sent.

The operation runs as usual: it plans the requests with a synthetic credential, and takes the cursor of the next page
from the samples. `testing.recorder` writes the recording.
"""

import json
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal

from conn_engine import bodies
from conn_engine.config import Effective, OperationName
from conn_engine.diagnostics import pluralize
from conn_engine.documents import WriteOptions, iterate_texts
from conn_engine.errors import ConnError, UsageError
from conn_engine.listing.pagination.completeness import EndKey
from conn_engine.listing.pagination.ending import Ending
from conn_engine.recordings.exchanges import to_recorded_request
from conn_engine.recordings.files import RecordedRequest
from conn_engine.responses.failures import Policy
from conn_engine.runtime.call import Call, Session
from conn_engine.runtime.records import records_of
from conn_engine.runtime.unified import find_operation_behind
from conn_engine.runtime.variants import base_url, for_replay, in_context
from conn_engine.runtime.wiring import Wiring
from conn_engine.secrets import Redactor
from conn_engine.secrets.wary_redaction import WaryRedactor
from conn_engine.settings import Answer, Scope
from conn_engine.testing.cases import SyntheticVault, conditions_at
from conn_engine.testing.judgement import authors_fault
from conn_engine.testing.personal import PersonalData
from conn_engine.testing.recorder import NoMorePages, Recorded, RecordedRun, record_operation
from conn_engine.testing.request_credentials import find_credential_places
from conn_engine.wire import Clock, FrozenClock, Headers, Request, Response

__all__ = ["SampleResponse", "read_sample", "record_samples"]

_PLACEHOLDER = "example"
_ORIGINS = {"sample": "sample responses", "contract": "responses in the vendor's documentation"}
_CONTEXT_VALUE = re.compile(r"\{\{\s*context\.(\w+)\s*\}\}")
_HEAD_END = re.compile(rb"\r?\n\r?\n")
_STATUS = re.compile(r"HTTP/[0-9.]+ +([1-5][0-9]{2})(?: |$)")
_UNWANTED = frozenset({"content-encoding", "content-length", "transfer-encoding"})


@dataclass(frozen=True, slots=True)
class SampleResponse:
    """One response of a vendor as somebody has shown it. `file` is its name in messages. A status or a header that is
    not known is chosen when it is sent."""

    file: str
    body: bytes
    status: int = 200
    headers: Headers = field(default_factory=Headers)


def read_sample(content: bytes, file: str) -> SampleResponse:
    """Return the response in a file: a body, or a complete response as `curl -i` prints it (the last one, after
    redirects). Raises UsageError for an incomplete head of a response."""
    response = SampleResponse(file, content.removeprefix(b"\xef\xbb\xbf"))
    while response.body.startswith(b"HTTP/"):
        head, *rest = _HEAD_END.split(response.body, maxsplit=1)
        first, *lines = head.decode("utf-8", "replace").splitlines()
        status = _STATUS.match(first)
        if status is None:
            raise UsageError(
                f'{file} starts with "{first[:60]}", which has no status',
                hint="save the response with `curl -i`, or only its body",
            )
        pairs = [(name.strip(), value.strip()) for name, _, value in (line.partition(":") for line in lines)]
        headers = Headers(pair for pair in pairs if pair[0] and pair[0].lower() not in _UNWANTED)
        response = SampleResponse(file, b"".join(rest), int(status[1]), headers)
    return response


def record_samples(
    effective: Effective,
    name: OperationName,
    call: Call,
    samples: Sequence[SampleResponse],
    path: Path,
    *,
    clock: Clock,
    redactor: Redactor,
    scenario: str = "default",
    own: bool = False,
    placing: WriteOptions | None = None,
    personal: PersonalData | None = None,
    source: Literal["sample", "contract"] = "sample",
    note: str = "",
) -> Recorded:
    """Run the operation on the samples, which respond to its requests in order, and write the recording to `path`.

    If the last sample leads to another page, the recording ends before it. Raises UsageError for a sample that no
    request asks for and for a request within a page without a sample, the configuration's errors (such as
    ResponsePathMissing), and the errors of `record_operation`. Nothing is written then.
    """
    wiring = _wire(effective, clock, redactor)
    transport = _SampleTransport(samples)
    files = ", ".join(sample.file for sample in samples)
    return record_operation(
        wiring,
        name,
        call,
        path,
        scenario=scenario,
        pages=None,
        own=own,
        transport=transport,
        source=source,
        note=note or f"Made from {_ORIGINS[source]} ({files}), not recorded live.",
        seen=transport.end_page,
        check=partial(_check, wiring.effective, name, call, transport),
        placing=placing,
        personal=personal,
    )


def _wire(effective: Effective, clock: Clock, redactor: Redactor) -> Wiring:
    """Return the wiring with a synthetic credential. A value of the account that is missing has a placeholder."""
    effective.check_authority()
    effective = in_context(effective, _find_placeholders(effective))
    base = base_url(effective)
    places = find_credential_places(effective)
    wary = WaryRedactor(redactor, [place.name for place in places if place.kind == "parameter"])
    vault = SyntheticVault(effective)
    document = vault.load("")
    wary.add_document(document)
    environ = {variable: f"synthetic-{variable}" for variable in effective.env_names}
    for variable, text in environ.items():
        wary.add(text, variable)
    frozen = FrozenClock(clock.now())  # a pause of an error rule passes immediately
    conditions = conditions_at(frozen.now(), effective.evaluator)
    session = Session(
        effective.account or "", document, environ, frozen, Policy(), redactor=wary, conditions=conditions
    )
    return Wiring(for_replay(effective.with_conditions(conditions), base), session, vault, wary)


def _find_placeholders(effective: Effective) -> Mapping[str, Any]:
    """Return a value for each value of the context that is not known: those that an account must supply, that a login
    finds, and that a base URL contains. A value that is the start of a base URL is the URL of the connector's host."""
    base_urls = [text for path, text in iterate_texts(effective.data) if path[-1] == "base_url"]
    host = next(iter(effective.hosts), "example.com").replace("*", _PLACEHOLDER)
    found = dict.fromkeys((step.name for step in effective.connector.connect), _PLACEHOLDER)
    for match in (match for text in base_urls for match in _CONTEXT_VALUE.finditer(text)):
        found[match[1]] = _PLACEHOLDER if match.start() else f"https://{host}"
    for field_ in effective.connector.fields:
        if field_.required and not field_.secret:
            found.setdefault(field_.name, _PLACEHOLDER)
            found |= {field_.name: field_.options[0]} if field_.options else {}
    return {name: value for name, value in found.items() if effective.context.get(name) is None}


class _SampleTransport:
    """Responds to each request with the next sample. A vendor's error stays the same when its request is repeated."""

    def __init__(self, samples: Sequence[SampleResponse]) -> None:
        self.samples = samples
        self.used = 0
        self.last: tuple[RecordedRequest, Response] | None = None
        self._page_start = 0
        self._pages = 0

    def end_page(self, records: int) -> None:
        """Note that a page is complete."""
        self._pages += 1
        self._page_start = self.used

    def send(self, request: Request) -> Response:
        """Return the next sample. Raises NoMorePages at the end of a page, and UsageError within one."""
        recorded = to_recorded_request(request)
        if self.used < len(self.samples):
            response = _to_response(self.samples[self.used], request)
            self.used += 1
            self.last = recorded, response
            return response
        if self.last is not None and self.last[1].status >= 400 and self.last[0] == recorded:
            return self.last[1]
        if self._pages and self._page_start == self.used:
            raise NoMorePages("another page follows; add its body with --page FILE")
        path = recorded.url.partition("://")[2].partition("/")[2]
        raise UsageError(
            f"there is no sample for request {self.used + 1}: {recorded.method} /{path} ({request.label})",
            hint="add its response with --page FILE, in the order of the requests",
        )


def _to_response(sample: SampleResponse, request: Request) -> Response:
    headers = sample.headers
    if "content-type" not in headers and sample.body.strip():
        headers = Headers([("content-type", _guess_type(sample, request)), *headers.pairs])
    return Response(sample.status, headers, sample.body, request.url)


def _guess_type(sample: SampleResponse, request: Request) -> str:
    """Return the content type that the request accepts or, for an error, that of the body."""
    accepted = request.headers.get("accept", "").partition(",")[0].partition(";")[0].strip()
    if sample.status < 300 and accepted and "*" not in accepted:
        return accepted
    try:
        json.loads(sample.body)
    except (ValueError, RecursionError):
        start = sample.body.lstrip()[:5].lower()
        return "application/xml" if start == b"<?xml" else "text/html" if start[:1] == b"<" else "text/plain"
    return "application/json"


def _check(
    effective: Effective, name: OperationName, call: Call, transport: _SampleTransport, ran: RecordedRun
) -> None:
    """Raise the error of a run that shows a mistake in the configuration or the samples, and UsageError for a sample
    that no request asked for."""
    fault = ran.fault
    if fault is not None and authors_fault(fault):
        raise fault
    if transport.used == len(transport.samples):
        if fault is not None:
            fault.hint = ""  # what helps a live run, such as another login, does not change a sample
        return
    number, left = transport.used + 1, transport.samples[transport.used]
    if fault is not None:
        reason = f"the operation ends with: {fault.message}"
    else:
        reason = _explain_end(effective, name, call, transport, ran)
    raise UsageError(
        f"{name.text} does not ask for page {number} ({left.file}): {reason}",
        hint="correct `pagination`, or leave the page out",
    )


def _explain_end(
    effective: Effective, name: OperationName, call: Call, transport: _SampleTransport, ran: RecordedRun
) -> str:
    """Return why a listing has no further page."""
    sent = pluralize(transport.used, "request")
    operation = find_operation_behind(effective, name, call)
    pagination = operation.pagination if operation is not None else None
    if operation is None or not isinstance(pagination, Ending) or transport.last is None or ran.completeness is None:
        return f"it sends {sent}"
    if ran.completeness.reason:
        return ran.completeness.reason
    file, response = transport.samples[transport.used - 1].file, transport.last[1]
    scope = Scope({}, effective.conditions)
    body: Any = None
    records: list[Any] = []
    with suppress(ConnError):
        body = bodies.decode(response, operation.response_format, operation.response_options)
        records, _ = records_of(operation.response_path, body, scope)
    keys = pagination.end_keys()
    if keys:
        answer = Answer(Request("GET", response.url), response, body, records, scope=scope)
        return f"in {file}, {' and '.join(_describe(key, answer) for key in keys)}"
    kind = pagination.__struct_config__.tag
    if kind == "none":
        return f"it sends {sent} (pagination: none)"
    return f"{file} has {pluralize(len(records), 'record')}, which ends the listing (pagination: {kind})"


def _describe(key: EndKey, answer: Answer) -> str:
    state = key.find(answer)
    text = {"absent": "is missing", "null": "is null", "value": "reports no other page"}[state]
    return f'`{key.setting}` "{key.path}" {text}'
