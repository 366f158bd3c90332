"""Recording files: their typed model, reading, and writing without secrets. `matching` compares them.

A recording is readable JSON: one scenario of one operation per file, with decoded bodies and without credentials.
"""

import base64
import binascii
import contextlib
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, NoReturn, TypeVar, Unpack

import msgspec
from msgspec import UNSET, Meta

from conn_engine.diagnostics import Span, diagnostic
from conn_engine.documents import WriteOptions, dump_json, parse, parse_path, read_regular, remove_file, write_whole
from conn_engine.errors import ConfigurationError
from conn_engine.secrets import REDACTED, Redactor

__all__ = [
    "SCHEMA_URL",
    "Exchange",
    "RecordedCall",
    "RecordedPart",
    "RecordedRequest",
    "RecordedResponse",
    "Recording",
    "check_exchanges",
    "keep_authored",
    "load_as",
    "load_recording",
    "redact_recording",
    "redacted_request",
    "redacted_response",
    "redacted_text",
    "refuse_recorded",
    "save_recording",
    "write_clean",
]

SCHEMA_URL = "https://conn.dev/schemas/recording.schema.json"
MAX_BYTES = 64 * 1024 * 1024
_MIXED_UP = {
    ("", "Object contains unknown field `context`"): 'write it below `account`: "account": {"context": …}',
    ("account", "Expected `str`, got `object`"): 'write "context": … at the top of a recording; `account` is a name',
}
"""What to do about the context of the account in the place that the other kind of file has for it."""
Scalar = str | int | float | bool
Values = dict[str, Scalar | list[Scalar]]
T = TypeVar("T")


class _Model(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Rejects unknown keys, as the models of the configuration do; those are in a higher layer."""


class RecordedPart(_Model, frozen=True, kw_only=True):
    """One part of a multipart body: a field or a file. At most one of `body`, `text` and `base64` is set."""

    name: Annotated[str, Meta(description="The field's name.")] = ""
    filename: Annotated[str, Meta(description="The file's name.")] = ""
    content_type: Annotated[str, Meta(description="The part's content type.")] = ""
    body: Annotated[Any, Meta(description="The decoded JSON content.")] = UNSET
    text: Annotated[str | None, Meta(description="Content that is not JSON.")] = None
    base64: Annotated[str | None, Meta(description="Content that is not text.")] = None


class RecordedRequest(_Model, frozen=True, kw_only=True):
    """A request as sent, without credentials. At most one of `body`, `form`, `parts`, `text`, `base64` and `sha256`."""

    method: Annotated[str, Meta(description="HTTP method, upper case.")]
    url: Annotated[str, Meta(description="Absolute URL; its query can be here or in `query`.")]
    headers: Annotated[dict[str, str], Meta(description="Headers for information; they are not compared.")] = {}
    query: Annotated[Values, Meta(description="Query parameters; a list where one is repeated.")] = {}
    body: Annotated[Any, Meta(description="The decoded JSON body.")] = UNSET
    form: Annotated[Values | None, Meta(description="The fields of a form body.")] = None
    text: Annotated[str | None, Meta(description="A body that is neither JSON nor a form.")] = None
    base64: Annotated[str | None, Meta(description="A body that is not text.")] = None
    parts: Annotated[tuple[RecordedPart, ...] | None, Meta(description="The parts of a multipart body.")] = None
    sha256: Annotated[str | None, Meta(description="Digest of a body that is too large to record.")] = None


class RecordedResponse(_Model, frozen=True, kw_only=True):
    """The response. At most one of `body`, `text` and `base64` is set; none of them for an empty body."""

    status: Annotated[int, Meta(description="HTTP status.", ge=100, le=599)]
    headers: Annotated[dict[str, str], Meta(description="Headers that matter, such as `link` or `retry-after`.")] = {}
    body: Annotated[Any, Meta(description="The decoded JSON body.")] = UNSET
    text: Annotated[str | None, Meta(description="A body that is not JSON.")] = None
    base64: Annotated[str | None, Meta(description="A body that is not text.")] = None


class Exchange(_Model, frozen=True, kw_only=True):
    """One request and its response."""

    request: Annotated[RecordedRequest, Meta(description="The request.")]
    response: Annotated[RecordedResponse, Meta(description="The response.")]


class RecordedCall(_Model, frozen=True, kw_only=True):
    """The caller's arguments, as the operation takes them (unified or the vendor's)."""

    query: Annotated[dict[str, Any], Meta(description="The caller's query.")] = {}
    body: Annotated[Any, Meta(description="The caller's body.")] = UNSET
    id: Annotated[str | int | None, Meta(description="The record's id, for get, update and delete.")] = None
    params: Annotated[dict[str, Any], Meta(description="Additional values, such as names in a path.")] = {}
    headers: Annotated[dict[str, str], Meta(description="The caller's headers.")] = {}
    cursor: Annotated[str | None, Meta(description="The cursor to resume from.")] = None
    files: Annotated[dict[str, RecordedPart], Meta(description="The caller's files, by name.")] = {}
    state: Annotated[
        Any, Meta(description="State of an earlier run, from which an incremental operation continues.")
    ] = None
    pages: Annotated[
        Annotated[int, Meta(ge=1)] | None,
        Meta(description="The number of pages that the caller read; a replay reads as many. Default: all."),
    ] = None
    wait: Annotated[
        bool,
        Meta(description="Whether to wait for rate limits; a replay continues immediately."),
    ] = False


class Recording(_Model, frozen=True, kw_only=True):
    """The exchanges of one scenario of an operation, in the order in which they happened."""

    schema_url: Annotated[str, Meta(description="The JSON Schema of this file, for editors.")] = msgspec.field(
        name="$schema", default=""
    )
    format: Annotated[Literal[1], Meta(description="Version of the file format.")] = 1
    connector: Annotated[str, Meta(description="The connector it belongs to.")]
    operation: Annotated[str, Meta(description="The operation, such as `crm.contacts.list` or `contacts.list`.")]
    scenario: Annotated[str, Meta(description="What it shows: `default`, `rate_limited`, `not_found` …")] = "default"
    account: Annotated[str, Meta(description="The account it was recorded for; empty if it is for all accounts.")] = ""
    source: Annotated[
        Literal["live", "contract", "har", "sample"],
        Meta(description="Origin: the live vendor, its published contract, a HAR file, or a generated sample."),
    ]
    recorded_at: Annotated[str, Meta(description="Time of the recording (RFC 3339).")]
    note: Annotated[str, Meta(description="Anything a reader should know.")] = ""
    license: Annotated[
        str, Meta(description="License of the content, as an SPDX identifier. Default: the connector's.")
    ] = ""
    base_url: Annotated[str, Meta(description="The base URL of the run; a replay compares URLs relative to it.")] = ""
    context: Annotated[
        dict[str, Any], Meta(description="The account's context values; a replay uses them, and none for a null.")
    ] = {}
    left_out: Annotated[
        tuple[str, ...],
        Meta(description="Optional parts of the credential that the account does not have; a replay omits them."),
    ] = ()
    call: Annotated[RecordedCall, Meta(description="The caller's arguments.")] = RecordedCall()
    exchanges: Annotated[list[Exchange], Meta(description="Requests and responses in order.")]


def load_recording(path: Path, display: str = "") -> Recording:
    """Read a recording. Raises ConfigurationError with a finding (REC001) at the place of the error."""
    file = display or path.as_posix()
    recording, content = load_as(Recording, path, file)
    check_exchanges(recording.exchanges, file, content)
    return recording


def load_as(model: type[T], path: Path, file: str) -> tuple[T, bytes]:
    """Read a file of recorded data; return it as its model, and its text. `file` is its name in messages. Raises
    ConfigurationError with a finding (REC001) at the place of the error."""
    try:
        content = read_regular(path, MAX_BYTES)
    except OSError as error:
        _fail(file, "REC001", f"the recording cannot be read: {(error.strerror or str(error)).lower()}")
    if len(content) > MAX_BYTES:
        _fail(file, "REC001", f"the recording is larger than {MAX_BYTES // 2**20} MiB")
    content = content.removeprefix(b"\xef\xbb\xbf")
    try:
        return msgspec.json.decode(content, type=model), content
    except msgspec.ValidationError as error:
        refuse_recorded(file, content, str(error))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _slowly(model, file, content), content


def _slowly(model: type[T], file: str, content: bytes) -> T:
    """Read a file that the fast reader rejects: YAML, or invalid data (raises, with the place)."""
    data = parse(content.decode("utf-8", "replace"), file).data
    try:
        return msgspec.convert(data, model)
    except msgspec.ValidationError as error:
        refuse_recorded(file, content, str(error))


def check_exchanges(exchanges: Sequence[Exchange], file: str, content: bytes) -> None:
    """Raise ConfigurationError (REC001) for an exchange with two bodies, or with invalid base64."""
    for number, exchange in enumerate(exchanges):
        _one_body(file, content, f"exchanges.{number}", exchange)


def _one_body(file: str, content: bytes, where: str, exchange: Exchange) -> None:
    request, response = exchange.request, exchange.response
    bodies = [
        request.body is not UNSET,
        request.form is not None,
        request.text is not None,
        request.base64 is not None,
        request.parts is not None,
        request.sha256 is not None,
    ]
    if sum(bodies) > 1:
        refuse_recorded(
            file,
            content,
            f"a request can have only one of body, form, parts, text, base64 and sha256 - at `$.{where}.request`",
        )
    bodies = [response.body is not UNSET, response.text is not None, response.base64 is not None]
    if sum(bodies) > 1:
        refuse_recorded(
            file, content, f"a response can have only one of body, text and base64 - at `$.{where}.response`"
        )
    for part, name in ((request, "request"), (response, "response")):
        if part.base64 is not None:
            try:
                base64.b64decode(part.base64, validate=True)
            except (binascii.Error, ValueError):
                refuse_recorded(file, content, f"invalid base64 - at `$.{where}.{name}.base64`")


def refuse_recorded(file: str, content: bytes, fault: str) -> NoReturn:
    """Raise ConfigurationError (REC001) at the place in the file that ends `fault`, as in msgspec's messages:
    " - at `$.a[0].b`"."""
    problem, _, where = fault.partition(" - at `")
    dotted = where.rstrip("`").removeprefix("$").replace("[", ".").replace("]", "").replace("...", "").strip(".")
    span = Span(file)
    with contextlib.suppress(ConfigurationError):
        document = parse(content.decode("utf-8", "replace"), file)
        span = document.span(parse_path(dotted)) if dotted else document.span(())
    hint = _MIXED_UP.get((dotted, problem), "")
    _fail(file, "REC001", problem[:1].lower() + problem[1:], span, path=dotted, hint=hint)


def _fail(file: str, code: str, problem: str, span: Span | None = None, *, path: str = "", hint: str = "") -> NoReturn:
    finding = diagnostic(code, problem, span or Span(file), path=path, hint=hint)
    raise ConfigurationError(f"{file}: {problem}", hint=hint, findings=[finding])


def save_recording(path: Path, recording: Recording, redactor: Redactor, **placing: Unpack[WriteOptions]) -> Recording:
    """Write a recording without secrets, and return it as written. The file is replaced in one step. An earlier one of
    the same source keeps its note and its license, and one that is not of a live vendor its time if nothing else has
    changed.

    The text is searched for every known secret, in every encoding, before it is written and again in the finished file,
    which is deleted if one is found. Raises ConfigurationError (REC002) in that case; an existing file is only replaced
    by a clean one.
    """
    earlier, content = _load_earlier(path, recording)
    recording = _keep_authored(recording, earlier)
    clean = redact_recording(recording, redactor)
    if earlier is not None and clean.source != "live":
        same_time = msgspec.structs.replace(clean, recorded_at=earlier.recorded_at)
        clean = same_time if dump_json(_order_keys(same_time, path)).encode() == content else clean
    write_clean(path, dump_json(_order_keys(clean, path)), redactor, **placing)
    return clean


def keep_authored(path: Path, recording: Recording) -> Recording:
    """Return the recording with what an author has written in the earlier one of the same source at the path."""
    return _keep_authored(recording, _load_earlier(path, recording)[0])


def _keep_authored(recording: Recording, earlier: Recording | None) -> Recording:
    if earlier is None:
        return recording
    note, license_ = recording.note or earlier.note, recording.license or earlier.license
    return msgspec.structs.replace(recording, note=note, license=license_)


def _load_earlier(path: Path, recording: Recording) -> tuple[Recording | None, bytes]:
    """Return the recording of the same source at the path, and its text; None if there is no valid one."""
    try:
        earlier, content = load_as(Recording, path, path.as_posix())
    except ConfigurationError:
        return None, b""
    return (earlier if earlier.source == recording.source else None), content


def write_clean(
    path: Path, text: str, redactor: Redactor, names: Iterable[str] = (), **placing: Unpack[WriteOptions]
) -> None:
    """Write a file of recorded data in one step. `names` are keys of its objects that may equal a part of a secret.
    Raises ConfigurationError (REC002) if the text contains a secret."""

    def found_in(written: str) -> list[str]:
        for name in names:
            written = written.replace(f'"{name}":', '"":')
        return redactor.find(written)

    remaining = found_in(text)
    if not remaining:
        write_whole(path, text, **placing)
        remaining = found_in(read_regular(path, MAX_BYTES).decode("utf-8", "replace"))
        if remaining:
            remove_file(path, placing.get("within"))
    if remaining:
        _fail(
            path.as_posix(),
            "REC002",
            f"the recording would contain {remaining[0]}, so it was not saved",
            hint=redactor.remedy,
        )


def _schema_for(path: Path) -> str:
    """Return the relative path of the schema from connectors/<name>/recordings/[<account>/]<file>, for editors."""
    parts = path.parts
    if "recordings" not in parts[:-1]:
        return SCHEMA_URL
    below = len(parts) - 1 - max(i for i, part in enumerate(parts[:-1]) if part == "recordings")
    return f"{'../' * (below + 2)}schemas/recording.schema.json"


def _order_keys(recording: Recording, path: Path) -> dict[str, Any]:
    data = msgspec.to_builtins(recording)
    first = {
        "$schema": recording.schema_url or _schema_for(path),
        "format": 1,
        "connector": recording.connector,
        "operation": recording.operation,
        "scenario": recording.scenario,
    }
    last = {"exchanges": data.pop("exchanges")}
    return {**first, **{key: value for key, value in data.items() if key not in first}, **last}


def redact_recording(recording: Recording, redactor: Redactor) -> Recording:
    """Redact known secrets and values with secret names; numbers keep different ones apart."""
    return _clean(recording, redactor.to_numbering())


def _clean(recording: Recording, redactor: Redactor) -> Recording:
    call = recording.call
    return msgspec.structs.replace(
        recording,
        note=redactor.text(recording.note),
        base_url=redactor.url(recording.base_url),
        context=redactor.data(recording.context),
        call=msgspec.structs.replace(
            call,
            query=redactor.data(call.query),
            body=_data(call.body, redactor),
            id=redactor.data(call.id),
            params=redactor.data(call.params),
            headers=_headers(call.headers, redactor),
            cursor=redactor.data(call.cursor),
            files={name: _redacted_part(part, redactor) for name, part in call.files.items()},
            state=redactor.data(call.state),
        ),
        exchanges=[
            Exchange(
                request=redacted_request(exchange.request, redactor),
                response=redacted_response(exchange.response, redactor),
            )
            for exchange in recording.exchanges
        ],
    )


def redacted_request(request: RecordedRequest, redactor: Redactor) -> RecordedRequest:
    """Redact known secrets and values with secret names, and remove headers with credentials."""
    return msgspec.structs.replace(
        request,
        url=redactor.url(request.url),
        headers=_headers(request.headers, redactor),
        query=redactor.parameters(request.query),
        body=_data(request.body, redactor),
        form=None if request.form is None else redactor.form(request.form),
        parts=None if request.parts is None else tuple(_redacted_part(part, redactor) for part in request.parts),
        **_rest(request.text, request.base64, redactor),
    )


def _redacted_part(part: RecordedPart, redactor: Redactor) -> RecordedPart:
    if redactor.is_named(part.name, "parameter", part.text):
        return msgspec.structs.replace(part, body=UNSET, text=REDACTED, base64=None)
    return msgspec.structs.replace(
        part,
        name=redactor.text(part.name),
        filename=redactor.text(part.filename),
        body=_data(part.body, redactor),
        **_rest(part.text, part.base64, redactor),
    )


def redacted_response(response: RecordedResponse, redactor: Redactor) -> RecordedResponse:
    """Redact known secrets and values with secret names, and remove cookies."""
    return msgspec.structs.replace(
        response,
        headers=_headers(response.headers, redactor),
        body=_data(response.body, redactor),
        **_rest(response.text, response.base64, redactor),
    )


def _headers(headers: dict[str, str], redactor: Redactor) -> dict[str, str]:
    # Removed, not blanked: headers are not compared, and a blanked one would look as if it had been sent like that.
    return {
        redactor.text(name): redactor.url(value)
        for name, value in headers.items()
        if not redactor.is_named(name, "header", value)
    }


def _data(value: Any, redactor: Redactor) -> Any:
    return value if value is UNSET else redactor.data(value)


def _rest(text: str | None, packed: str | None, redactor: Redactor) -> dict[str, str | None]:
    if packed is not None:
        raw = base64.b64decode(packed)
        if redactor.find(raw) or redactor.find(packed):
            return {
                "text": REDACTED,
                "base64": None,
            }  # bytes cannot be redacted in part without breaking them
    return {"text": None if text is None else redacted_text(text, redactor), "base64": packed}


def redacted_text(text: str, redactor: Redactor) -> str:
    """Redact a text body; if it is JSON, also by names."""
    if text[:1] in ("{", "["):
        with contextlib.suppress(ValueError, RecursionError):
            data = json.loads(text)
            clean = redactor.data(data)
            if clean != data:
                return json.dumps(clean, ensure_ascii=False)
    return redactor.url(text)
