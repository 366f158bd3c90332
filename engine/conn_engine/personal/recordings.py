"""What a recording, or a recorded delivery, says of people: collected, replaced, looked for again."""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import UNSET, structs

from conn_engine.personal.collecting import collect
from conn_engine.personal.replacing import TECHNICAL_HEADERS, Replacements
from conn_engine.personal.values import PersonalValues
from conn_engine.transport.recordings import Exchange, RecordedCall, RecordedPart, Recording

__all__ = ["collect_exchanges", "collect_recording", "replaced_exchanges", "replaced_recording"]


def collect_recording(recording: Recording, into: PersonalValues) -> None:
    """Collect the values of a recording."""
    call = recording.call
    collect(recording.context, into)
    collect(_plain({"query": call.query, "body": call.body, "params": call.params, "cursor": call.cursor}), into)
    collect({"id": call.id}, into)
    collect({"state": call.state, "headers": call.headers}, into)
    for part in call.files.values():
        _collect_part(part, into)
    collect_exchanges(recording.exchanges, into)


def collect_exchanges(exchanges: Sequence[Exchange], into: PersonalValues) -> None:
    """Collect the values of requests and answers."""
    for exchange in exchanges:
        for message in (exchange.request, exchange.response):
            fields = structs.asdict(message)
            packed = fields.pop("base64")
            for part in fields.pop("parts", None) or ():
                _collect_part(part, into)
            if packed is not None:
                collect(_text_of(packed)[0], into)
            headers = {
                name: value for name, value in fields.pop("headers").items() if name.lower() not in TECHNICAL_HEADERS
            }
            collect({"headers": headers, **_plain(fields)}, into)


def replaced_recording(recording: Recording, replacements: Replacements) -> Recording:
    """The recording with every value replaced."""
    call, data = recording.call, replacements.data
    files = {name: _part(part, replacements) for name, part in call.files.items()}
    digests = {_digest(part): _digest(files[name]) for name, part in call.files.items()}
    return structs.replace(
        recording,
        note=replacements.text(recording.note),
        base_url=replacements.text(recording.base_url),
        context=data(recording.context),
        call=RecordedCall(
            query=data(call.query),
            body=_set(call.body, replacements),
            id=data(call.id),
            params=data(call.params),
            headers=_headers(call.headers, replacements),
            cursor=data(call.cursor),
            files=files,
            state=data(call.state),
            pages=call.pages,
            wait=call.wait,
        ),
        exchanges=replaced_exchanges(recording.exchanges, replacements, digests),
    )


def replaced_exchanges(
    exchanges: Sequence[Exchange], replacements: Replacements, digests: Mapping[str, str] | None = None
) -> list[Exchange]:
    """Requests and answers with every value replaced. `digests` of files that were sent have those of other files."""
    return [_exchange(exchange, replacements, digests or {}) for exchange in exchanges]


def _exchange(exchange: Exchange, replacements: Replacements, digests: Mapping[str, str]) -> Exchange:
    request, response, data = exchange.request, exchange.response, replacements.data
    return Exchange(
        request=structs.replace(
            request,
            url=replacements.text(request.url),
            headers=_headers(request.headers, replacements),
            query=data(request.query),
            body=_set(request.body, replacements),
            form=data(request.form),
            text=data(request.text),
            base64=_packed(request.base64, replacements),
            parts=None if request.parts is None else tuple(_part(part, replacements) for part in request.parts),
            sha256=digests.get(request.sha256 or "", request.sha256),
        ),
        response=structs.replace(
            response,
            headers=_headers(response.headers, replacements),
            body=_set(response.body, replacements),
            text=data(response.text),
            base64=_packed(response.base64, replacements),
        ),
    )


def _part(part: RecordedPart, replacements: Replacements) -> RecordedPart:
    return structs.replace(
        part,
        filename=replacements.text(part.filename),
        body=_set(part.body, replacements),
        text=replacements.data(part.text),
        base64=_packed(part.base64, replacements),
    )


def _headers(headers: dict[str, str], replacements: Replacements) -> dict[str, str]:
    return {name: replacements.header(name, value) for name, value in headers.items()}


def _set(value: Any, replacements: Replacements) -> Any:
    return value if value is UNSET else replacements.data(value)


def _packed(packed: str | None, replacements: Replacements) -> str | None:
    """Bytes that are no text in UTF-8 may hold a text all the same."""
    if packed is None:
        return None
    text, charset = _text_of(packed)
    made = replacements.plain(text)
    return packed if made == text else base64.b64encode(made.encode(charset, "replace")).decode()


def _text_of(packed: str) -> tuple[str, str]:
    raw = base64.b64decode(packed)
    if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
        try:
            return raw.decode("utf-16"), "utf-16"
        except UnicodeDecodeError:
            pass
    return raw.decode("latin-1"), "latin-1"


def _collect_part(part: RecordedPart, into: PersonalValues) -> None:
    value = part.body if part.body is not UNSET else part.text
    collect({part.name or "file": value, "filename": part.filename}, into)
    if part.base64 is not None:
        collect(_text_of(part.base64)[0], into)


def _digest(part: RecordedPart) -> str:
    raw = (part.text or "").encode() if part.base64 is None else base64.b64decode(part.base64)
    return hashlib.sha256(raw).hexdigest()


def _plain(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not UNSET and value is not None}
