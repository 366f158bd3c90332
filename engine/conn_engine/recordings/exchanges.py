"""Converts requests and responses to recorded ones and back, without headers that are not worth recording."""

import base64
import hashlib
import json
import re
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from msgspec import UNSET

from conn_engine.errors import ConfigurationError
from conn_engine.recordings.files import (
    Exchange,
    RecordedPart,
    RecordedRequest,
    RecordedResponse,
    Values,
)
from conn_engine.secrets import is_secret_name
from conn_engine.wire import Blob, Headers, Request, Response

__all__ = ["exchange_of", "flat", "group_values", "parts_of", "response_of", "to_recorded_request", "to_response"]

# fmt: off
_NOISE = frozenset({
    "accept-encoding", "accept-ranges", "age", "alt-svc", "connection", "content-encoding",
    "content-length", "content-security-policy", "cross-origin-opener-policy",
    "cross-origin-resource-policy", "expect-ct", "host", "keep-alive", "nel", "origin",
    "permissions-policy", "pragma", "priority", "referer", "referrer-policy", "report-to",
    "reporting-endpoints", "server", "server-timing", "strict-transport-security", "te", "trailer",
    "transfer-encoding", "upgrade-insecure-requests", "user-agent", "vary", "via",
    "x-content-type-options", "x-frame-options", "x-permitted-cross-domain-policies", "x-powered-by",
    "x-xss-protection",
})
# fmt: on
MAX_KEPT = 16 * 1024 * 1024
_BOUNDARY = re.compile(r'boundary=(?:"([^"]{1,200})"|([^;\s"]{1,200}))', re.IGNORECASE)
_NAMED = re.compile(r';\s*(name|filename)="([^"]*)"', re.IGNORECASE)
_NOISE_BEGINNINGS = ("access-control-", "cf-", "sec-", "x-amz-cf-", "x-envoy-", ":")


def exchange_of(request: Request, response: Response) -> Exchange:
    """Return the pair as recorded, without credential headers and cookies. Other secrets are not redacted yet."""
    return Exchange(request=to_recorded_request(request.visible), response=response_of(response))


def to_recorded_request(request: Request) -> RecordedRequest:
    """Return a request in recorded form, with query and body decoded, and without credentials in the query."""
    url, _, query = request.url.partition("#")[0].partition("?")
    kind = request.headers.get("content-type", "")
    body: dict[str, Any] = {}
    if request.payload is not None:
        body = {"sha256": _digest(request.payload)}
    elif request.body and (parts := parts_of(request.body, kind)) is not None:
        body = {"parts": tuple(parts)}
    elif request.body and "x-www-form-urlencoded" in kind:
        body = {"form": group_values(parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True))}
    elif request.body:
        body = _content(request.body, kind)
    headers = _select_headers(request.headers)
    if "parts" in body or "sha256" in body:  # the boundary is generated again from the parts
        headers["content-type"] = kind.split(";")[0].strip()
    pairs = [pair for pair in parse_qsl(query, keep_blank_values=True) if pair[0] not in request.credential_query]
    return RecordedRequest(
        method=request.method.upper(),
        url=url,
        headers=headers,
        query=group_values(pairs),
        **body,
    )


def response_of(response: Response) -> RecordedResponse:
    """Return a response in recorded form. Text in another charset becomes UTF-8, also in the header."""
    headers = _select_headers(response.headers)
    kind = headers.get("content-type", "")
    body = _content(_read_body(response), kind) if response.size else {}
    if "text" in body and "charset=" in kind.lower():
        headers["content-type"] = f"{kind.split(';')[0].strip()}; charset=utf-8"
    return RecordedResponse(status=response.status, headers=headers, **body)


def to_response(recorded: RecordedResponse, url: str = "") -> Response:
    """Return the response that was recorded."""
    headers = recorded.headers
    body = b""
    if recorded.body is not UNSET:
        body = _encode_json(recorded.body)
        if not any(name.lower() == "content-type" for name in headers):
            headers = {"content-type": "application/json", **headers}
    elif recorded.text is not None:
        body = recorded.text.encode("utf-8", "surrogatepass")
        if not recorded.text.isascii() and "charset=utf-8" in Headers(headers).get("content-type", "").lower():
            body = b"\xef\xbb\xbf" + body  # whatever charset the vendor uses, the recording has UTF-8
    elif recorded.base64 is not None:
        body = base64.b64decode(recorded.base64)
    return Response(recorded.status, Headers(headers), body, url)


def group_values(pairs: list[tuple[str, str]]) -> Values:
    """Map each name to its value, or to a list of values if it is repeated."""
    values_by_name: dict[str, list[str]] = {}
    for name, value in pairs:
        values_by_name.setdefault(name, []).append(value)
    return {name: values[0] if len(values) == 1 else list(values) for name, values in values_by_name.items()}


def flat(values: Values) -> list[tuple[str, str]]:
    """Return grouped values as pairs; numbers and booleans are written as in a URL."""
    return [
        (name, item if isinstance(item, str) else json.dumps(item))
        for name, value in values.items()
        for item in (value if isinstance(value, list) else [value])
    ]


def _select_headers(headers: Headers) -> dict[str, str]:
    return {
        name: value
        for name, value in headers.plain().items()
        if name not in _NOISE and not name.startswith(_NOISE_BEGINNINGS) and not is_secret_name(name)
    }


def _content(raw: bytes, kind: str) -> dict[str, Any]:
    """Return `{"body": …}`, `{"text": …}` or `{"base64": …}`, the most readable form that loses nothing."""
    kind = kind.lower()
    if "json" in kind or (not kind and raw[:1] in b"{["):
        try:
            return {"body": _decode_json(raw)}
        except (ValueError, RecursionError):
            pass  # broken JSON is a scenario too, and recorded unchanged
    charset = kind.partition("charset=")[2].split(";")[0].strip(" \"'") or "utf-8"
    try:
        text = raw.decode(charset)
    except (UnicodeDecodeError, LookupError):
        return {"base64": base64.b64encode(raw).decode()}
    if "\0" in text:
        return {"base64": base64.b64encode(raw).decode()}
    return {"text": text}


def _read_body(response: Response) -> bytes:
    if response.spool is None:
        return response.body
    if response.size > MAX_KEPT:
        raise ConfigurationError(
            f"the response is too large to record: {response.size:,} bytes",
            hint=f"record a call with a smaller response: the limit is {MAX_KEPT // 2**20} MiB",
        )
    with response.open() as reader:
        return reader.read()


def _digest(payload: Blob) -> str:
    digest = hashlib.sha256()
    with payload.open() as reader:
        while piece := reader.read(MAX_KEPT):
            digest.update(piece)
    return digest.hexdigest()


def parts_of(body: bytes, kind: str) -> list[RecordedPart] | None:
    """Return the parts of a multipart body; None for any other body."""
    match = _BOUNDARY.search(kind) if kind.lower().startswith("multipart/") else None
    if match is None:
        return None
    mark = b"--" + (match[1] or match[2]).encode()
    pieces = (b"\r\n" + body).split(b"\r\n" + mark)
    if len(pieces) < 3 or not pieces[-1].startswith(b"--"):
        return None
    return [_part(piece.removeprefix(b"\r\n")) for piece in pieces[1:-1]]


def _part(piece: bytes) -> RecordedPart:
    head, _, content = (b"\r\n" + piece).partition(b"\r\n\r\n")
    headers = Headers(
        (name.strip(), value.strip())
        for name, _, value in (line.partition(":") for line in head.decode("utf-8", "replace").split("\r\n"))
        if name.strip()
    )
    parameters = {match[1].lower(): match[2] for match in _NAMED.finditer(headers.get("content-disposition", ""))}
    kind = headers.get("content-type", "")
    return RecordedPart(
        name=parameters.get("name", ""),
        filename=parameters.get("filename", ""),
        content_type=kind,
        **_content(content, kind),
    )


def _decode_json(raw: bytes) -> Any:
    def refuse(name: str) -> Any:
        raise ValueError(f"{name} is not JSON")

    return json.loads(raw.decode("utf-8-sig"), parse_constant=refuse)


def _encode_json(data: Any) -> bytes:
    try:
        return msgspec.json.encode(data)
    except (UnicodeEncodeError, OverflowError, msgspec.MsgspecError, ValueError):
        return json.dumps(data).encode()  # lone surrogates, which only escapes can represent; integers of any size
