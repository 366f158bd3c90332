"""Converts HAR 1.2, which browsers and proxies export, to recorded exchanges and back. It does not access files.

Format: http://www.softwareishard.com/blog/har-12-spec/ (frozen). Bodies may be text or base64; the parameters of a form
may be separate from its text.
"""

import base64
import binascii
import re
from collections.abc import Collection, Sequence
from fnmatch import fnmatchcase
from http import HTTPStatus
from typing import Any, NoReturn
from urllib.parse import parse_qsl, urlencode

import msgspec
from msgspec import UNSET

from conn_engine.diagnostics import Span, diagnostic
from conn_engine.errors import ConfigurationError
from conn_engine.recordings.carried import learn_credentials, remove_placed
from conn_engine.recordings.exchanges import exchange_of, flat, to_response
from conn_engine.recordings.files import (
    Exchange,
    RecordedPart,
    RecordedRequest,
    Recording,
    redacted_request,
    redacted_response,
)
from conn_engine.secrets import Redactor
from conn_engine.secrets.credential_places import CredentialPlace
from conn_engine.secrets.wary_redaction import WaryRedactor
from conn_engine.urls import split_plain_url
from conn_engine.wire import Headers, Request, Response

__all__ = ["export_har", "import_har"]

MAX_BYTES = 256 * 1024 * 1024
_NEEDED = frozenset({"accept", "content-type"})
_MULTIPART = re.compile(r"multipart/[\w.+-]+", re.IGNORECASE)
_BOUNDARY = "of-parameters"


def import_har(
    content: bytes | str,
    *,
    hosts: Sequence[str] = (),
    redactor: Redactor | None = None,
    places: Collection[CredentialPlace] = (),
    declared: Collection[str] = (),
    file: str = "HAR",
    unanswered: list[str] | None = None,
) -> list[Exchange]:
    """Return the exchanges of a HAR file, redacted and in order.

    `hosts` (patterns such as `*.example.com`) selects requests. CORS preflights and requests without a response are
    skipped; `unanswered` collects the latter (`GET https://example.com/a`). `places` are the places of the connector's
    credentials. `declared` are the request headers to keep, in lower case, in addition to those that describe the body.
    The credentials of the file are added to `redactor`.

    Raises ConfigurationError (REC004) if the file is not HAR 1.2, or if no exchange remains.
    """
    wary = redactor if isinstance(redactor, WaryRedactor) else WaryRedactor(redactor)
    entries = _entries(content, file)
    exchanges: list[tuple[Request, Response, Exchange]] = []
    silent: list[Request] = []
    origins: set[str] = set()
    for number, entry in enumerate(entries):
        try:
            request = _request(entry["request"])
            host = (split_plain_url(request.url).hostname or "").lower()
            origins.add(host)
            if hosts and not any(fnmatchcase(host, pattern.lower()) for pattern in hosts):
                continue
            answer = entry.get("response")
            response = _response(answer) if answer else None
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            _fail(file, f"entry {number + 1} is not valid HAR 1.2 ({type(error).__name__}: {str(error)[:80]})")
        if response is None:
            silent.append(request)
        if response is None or request.method == "OPTIONS":
            continue
        exchanges.append((request, response, exchange_of(request, response)))
    if not exchanges:
        host_list = ", ".join(sorted(filter(None, origins))[:10]) or "none"
        _fail(file, "no usable request has a response", hint=f"check the hosts in the file: {host_list}")
    for request, response, exchange in exchanges:
        learn_credentials(request, response, exchange, places, wary)
    if unanswered is not None:
        unanswered += [
            f"{silent_request.method} {wary.url(silent_request.url.partition('?')[0])}" for silent_request in silent
        ]
    return [_redact(exchange, places, _NEEDED.union(declared), wary) for _, _, exchange in exchanges]


def _redact(
    exchange: Exchange, places: Collection[CredentialPlace], needed: Collection[str], redactor: WaryRedactor
) -> Exchange:
    request = remove_placed(exchange.request, places)
    headers = {name: value for name, value in request.headers.items() if name.lower() in needed}
    return Exchange(
        request=redacted_request(msgspec.structs.replace(request, headers=headers), redactor),
        response=redacted_response(exchange.response, redactor),
    )


def _entries(content: bytes | str, file: str) -> list[dict[str, Any]]:
    raw = content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content
    if len(raw) > MAX_BYTES:
        _fail(file, f"the file is larger than {MAX_BYTES // 2**20} MiB")
    try:
        data = msgspec.json.decode(raw.removeprefix(b"\xef\xbb\xbf"))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        _fail(file, f"it is not JSON: {str(error)[:100]}")
    log = data.get("log") if isinstance(data, dict) else None
    entries = log.get("entries") if isinstance(log, dict) else None
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        _fail(file, "it is not a HAR file: log.entries is missing", hint="export it as HAR 1.2")
    return entries


def _request(entry: dict[str, Any]) -> Request:
    url = str(entry["url"]).partition("#")[0]
    place = split_plain_url(url).netloc
    if "@" in place:
        url = url.replace(place, place.rpartition("@")[2], 1)  # the engine never sends a user name in a URL
    if "?" not in url and entry.get("queryString"):
        url += "?" + urlencode([(pair["name"], pair.get("value", "")) for pair in entry["queryString"]])
    headers = _pairs(entry.get("headers", ()))
    body: bytes | None = None
    post = entry.get("postData")
    if post:
        kind = post.get("mimeType", "")
        if kind and not any(name.lower() == "content-type" for name, _ in headers):
            headers.append(("content-type", kind))
        text = post.get("text") or ""
        if not text and post.get("params"):
            multipart = _MULTIPART.match(kind)
            if multipart is not None:
                headers = [(name, value) for name, value in headers if name.lower() != "content-type"]
                headers.append(("content-type", f"{multipart[0]}; boundary={_BOUNDARY}"))
                return Request(str(entry["method"]).upper(), url, Headers(headers), _join_parts(post["params"]))
            text = urlencode([(pair["name"], pair.get("value", "")) for pair in post["params"]])
        body = _bytes(text, post.get("encoding") or post.get("_encoding")) or None
    return Request(str(entry["method"]).upper(), url, Headers(headers), body)


def _join_parts(params: list[dict[str, Any]]) -> bytes:
    """Build the body of a multipart form from its fields, if the file has no text of it."""
    parts = bytearray()
    for pair in params:
        attributes = {"name": pair["name"], **({"filename": pair["fileName"]} if pair.get("fileName") else {})}
        names = "".join(f'; {key}="{re.sub(chr(34), "%22", str(name))}"' for key, name in attributes.items())
        head = f"Content-Disposition: form-data{names}\r\n"
        if pair.get("contentType"):
            head += f"Content-Type: {pair['contentType']}\r\n"
        content = _bytes(str(pair.get("value") or ""), pair.get("encoding") or pair.get("_encoding"))
        parts += f"--{_BOUNDARY}\r\n{head}\r\n".encode("utf-8", "surrogatepass") + content + b"\r\n"
    return bytes(parts) + f"--{_BOUNDARY}--\r\n".encode()


def _response(entry: dict[str, Any]) -> Response | None:
    status = int(entry["status"])
    if not 100 <= status <= 599:  # 0: the browser got no response
        return None
    content = entry.get("content") or {}
    headers = _pairs(entry.get("headers", ()))
    kind = content.get("mimeType", "")
    if kind and not any(name.lower() == "content-type" for name, _ in headers):
        headers.append(("content-type", kind))
    encoding = content.get("encoding")
    if encoding != "base64" and "charset=" in kind.lower() and "utf-8" not in kind.lower():
        # The text in HAR is already decoded, whatever the charset was.
        headers = [(n, v.split(";")[0] if n.lower() == "content-type" else v) for n, v in headers]
    return Response(status, Headers(headers), _bytes(content.get("text") or "", encoding))


def _pairs(rows: Any) -> list[tuple[str, str]]:
    return [(str(row["name"]), str(row.get("value", ""))) for row in rows]


def _bytes(text: str, encoding: str | None) -> bytes:
    if encoding == "base64":
        try:
            return base64.b64decode(text, validate=True)
        except binascii.Error as error:
            raise ValueError("a body is not valid base64") from error
    return text.encode("utf-8", "surrogatepass")


def export_har(recording: Recording) -> dict[str, Any]:
    """Return a recording as a HAR 1.2 document. It contains no more than the recording."""
    return {
        "log": {
            "version": "1.2",
            "creator": {"name": "conn", "version": "1"},
            "comment": f"{recording.connector} {recording.operation} ({recording.scenario})",
            "entries": [_entry(exchange, recording.recorded_at) for exchange in recording.exchanges],
        }
    }


def _entry(exchange: Exchange, when: str) -> dict[str, Any]:
    answer = to_response(exchange.response)
    return {
        "startedDateTime": when,
        "time": 0,
        "request": _request_entry(exchange.request),
        "response": {
            "status": answer.status,
            "statusText": _phrase(answer.status),
            "httpVersion": "HTTP/1.1",
            "cookies": [],
            "headers": _rows(exchange.response.headers),
            "content": _content(exchange, answer),
            "redirectURL": "",
            "headersSize": -1,
            "bodySize": len(answer.body),
        },
        "cache": {},
        "timings": {"send": 0, "wait": 0, "receive": 0},
    }


def _request_entry(request: RecordedRequest) -> dict[str, Any]:
    query = flat(request.query)
    url = request.url
    if query:
        url += ("&" if "?" in url else "?") + urlencode(query)
    entry: dict[str, Any] = {
        "method": request.method,
        "url": url,
        "httpVersion": "HTTP/1.1",
        "cookies": [],
        "headers": _rows(request.headers),
        "queryString": _pairs_to_rows(parse_qsl(url.partition("?")[2], keep_blank_values=True)),
        "headersSize": -1,
        "bodySize": 0,
    }
    kind = next((v for k, v in request.headers.items() if k.lower() == "content-type"), "")
    post: dict[str, Any] = {}
    if request.body is not UNSET:
        post = {"mimeType": kind or "application/json", "text": msgspec.json.encode(request.body).decode()}
    elif request.form is not None:
        fields = flat(request.form)
        kind = kind or "application/x-www-form-urlencoded"
        post = {"mimeType": kind, "params": _pairs_to_rows(fields), "text": urlencode(fields)}
    elif request.parts is not None:
        rows = [_part_entry(part) for part in request.parts]
        post = {"mimeType": kind or "multipart/form-data", "params": rows, "text": ""}
    elif request.text is not None:
        post = {"mimeType": kind or "text/plain", "text": request.text}
    elif request.base64 is not None:
        post = {"mimeType": kind or "application/octet-stream", "text": request.base64, "_encoding": "base64"}
    if post:
        entry["postData"] = post
        entry["bodySize"] = len(post["text"].encode("utf-8", "surrogatepass"))
    return entry


def _part_entry(part: RecordedPart) -> dict[str, Any]:
    value = part.text if part.base64 is None else part.base64
    if part.body is not UNSET:
        value = msgspec.json.encode(part.body).decode()
    optional = {
        "fileName": part.filename,
        "contentType": part.content_type,
        "_encoding": "base64" if part.base64 else "",
    }
    return {"name": part.name, "value": value or "", **{key: text for key, text in optional.items() if text}}


def _content(exchange: Exchange, answer: Response) -> dict[str, Any]:
    kind = answer.headers.get("content-type", "")
    if exchange.response.base64 is not None:
        text, more = exchange.response.base64, {"encoding": "base64"}
    else:
        text, more = answer.body.decode("utf-8", "surrogatepass"), {}
    return {"size": len(answer.body), "mimeType": kind, "text": text, **more}


def _rows(headers: dict[str, str]) -> list[dict[str, str]]:
    return _pairs_to_rows(list(headers.items()))


def _pairs_to_rows(pairs: list[tuple[str, str]]) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in pairs]


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


def _fail(file: str, problem: str, hint: str = "") -> NoReturn:
    finding = diagnostic("REC004", problem, Span(file), hint=hint)
    raise ConfigurationError(f"{file}: {problem}", hint=hint, findings=[finding])
