"""Collects and replaces the personal data of a recording: the caller's values, the requests and the responses."""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import UNSET, structs

from conn_engine.personal.collecting import collect
from conn_engine.personal.replacing import TECHNICAL_HEADERS, Replacements
from conn_engine.personal.values import PersonalValues
from conn_engine.recordings.files import Exchange, RecordedCall, RecordedPart, Recording

__all__ = ["collect_exchanges", "collect_recording", "replace_in_exchanges", "replace_in_recording"]


def collect_recording(recording: Recording, into: PersonalValues) -> None:
    """Collect the values of a recording."""
    call = recording.call
    collect(recording.context, into)
    collect(_drop_unset({"query": call.query, "body": call.body, "params": call.params, "cursor": call.cursor}), into)
    collect({"id": call.id}, into)
    collect({"state": call.state, "headers": call.headers}, into)
    for part in call.files.values():
        _collect_part(part, into)
    collect_exchanges(recording.exchanges, into)


def collect_exchanges(exchanges: Sequence[Exchange], into: PersonalValues) -> None:
    """Collect the values of requests and responses."""
    for exchange in exchanges:
        for message in (exchange.request, exchange.response):
            fields = structs.asdict(message)
            packed = fields.pop("base64")
            for part in fields.pop("parts", None) or ():
                _collect_part(part, into)
            if packed is not None:
                collect(_read_bytes(packed)[0], into)
            headers = {
                name: value for name, value in fields.pop("headers").items() if name.lower() not in TECHNICAL_HEADERS
            }
            collect({"headers": headers, **_drop_unset(fields)}, into)


def replace_in_recording(recording: Recording, replacements: Replacements) -> Recording:
    """Replace every value of a recording."""
    call, data = recording.call, replacements.replace_data
    files = {name: _replace_part(part, replacements) for name, part in call.files.items()}
    digests = {_compute_digest(part): _compute_digest(files[name]) for name, part in call.files.items()}
    return structs.replace(
        recording,
        note=replacements.replace_text(recording.note),
        base_url=replacements.replace_text(recording.base_url),
        context=data(recording.context),
        call=RecordedCall(
            query=data(call.query),
            body=_replace_body(call.body, replacements),
            id=data(call.id),
            params=data(call.params),
            headers=_replace_headers(call.headers, replacements),
            cursor=data(call.cursor),
            files=files,
            state=data(call.state),
            pages=call.pages,
            wait=call.wait,
        ),
        exchanges=replace_in_exchanges(recording.exchanges, replacements, digests),
    )


def replace_in_exchanges(
    exchanges: Sequence[Exchange], replacements: Replacements, digests: Mapping[str, str] | None = None
) -> list[Exchange]:
    """Replace every value of requests and responses. `digests` maps the digests of sent files to those of other
    files."""
    return [_replace_exchange(exchange, replacements, digests or {}) for exchange in exchanges]


def _replace_exchange(exchange: Exchange, replacements: Replacements, digests: Mapping[str, str]) -> Exchange:
    request, response, data = exchange.request, exchange.response, replacements.replace_data
    return Exchange(
        request=structs.replace(
            request,
            url=replacements.replace_text(request.url),
            headers=_replace_headers(request.headers, replacements),
            query=data(request.query),
            body=_replace_body(request.body, replacements),
            form=data(request.form),
            text=data(request.text),
            base64=_replace_bytes(request.base64, replacements),
            parts=None if request.parts is None else tuple(_replace_part(part, replacements) for part in request.parts),
            sha256=digests.get(request.sha256 or "", request.sha256),
        ),
        response=structs.replace(
            response,
            headers=_replace_headers(response.headers, replacements),
            body=_replace_body(response.body, replacements),
            text=data(response.text),
            base64=_replace_bytes(response.base64, replacements),
        ),
    )


def _replace_part(part: RecordedPart, replacements: Replacements) -> RecordedPart:
    return structs.replace(
        part,
        filename=replacements.replace_text(part.filename),
        body=_replace_body(part.body, replacements),
        text=replacements.replace_data(part.text),
        base64=_replace_bytes(part.base64, replacements),
    )


def _replace_headers(headers: dict[str, str], replacements: Replacements) -> dict[str, str]:
    return {name: replacements.replace_header(name, value) for name, value in headers.items()}


def _replace_body(value: Any, replacements: Replacements) -> Any:
    return value if value is UNSET else replacements.replace_data(value)


def _replace_bytes(packed: str | None, replacements: Replacements) -> str | None:
    """Replace values in bytes that are not UTF-8 text: they may contain text anyway."""
    if packed is None:
        return None
    text, charset = _read_bytes(packed)
    replaced = replacements.change_plain(text)
    return packed if replaced == text else base64.b64encode(replaced.encode(charset, "replace")).decode()


def _read_bytes(packed: str) -> tuple[str, str]:
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
        collect(_read_bytes(part.base64)[0], into)


def _compute_digest(part: RecordedPart) -> str:
    raw = (part.text or "").encode() if part.base64 is None else base64.b64decode(part.base64)
    return hashlib.sha256(raw).hexdigest()


def _drop_unset(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not UNSET and value is not None}
