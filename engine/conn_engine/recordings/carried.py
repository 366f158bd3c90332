"""Finds the credentials in the exchanges of an imported file.

They are collected before anything is redacted: a key in the header of one request may also be in another's URL, or in a
response.
"""

import base64
import binascii
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec
from msgspec import UNSET

from conn_engine.documents.pointers import get_at
from conn_engine.recordings.files import Exchange, RecordedPart, RecordedRequest
from conn_engine.secrets import REDACTED
from conn_engine.secrets.credential_places import CredentialPlace
from conn_engine.secrets.names import Place, is_common_word
from conn_engine.secrets.wary_redaction import WaryRedactor
from conn_engine.wire import Request, Response

__all__ = ["learn_credentials", "remove_placed"]

_SCHEME = re.compile(r"(?:bearer|basic|token|key|apikey|digest|bot) +", re.IGNORECASE)
_LABEL = "a credential of the file"
_SHORTEST = 8


def learn_credentials(
    request: Request, response: Response, exchange: Exchange, places: Iterable[CredentialPlace], redactor: WaryRedactor
) -> None:
    """Add the credentials of an exchange to the redactor, before the exchange is redacted."""
    for name, value in (*request.headers.pairs, *response.headers.pairs):
        if redactor.is_named(name, "header", value):
            for secret in _split_header(name, value):
                _learn(secret, redactor)
    recorded = exchange.request
    fields = {part.name: part.text for part in recorded.parts or ()}
    for parameters in (recorded.query, recorded.form, fields):
        _learn_named(parameters, "parameter", redactor)
    for body in (recorded.body, exchange.response.body):
        _learn_named(body, "field", redactor)
    for place in places:
        for value in _find_placed_texts(place, request, recorded):
            for secret in place.secrets(value):
                if not place.certain:
                    _learn(secret, redactor)
                elif (len(secret) >= _SHORTEST or not secret.isalpha()) and not is_common_word(secret):
                    redactor.add(secret, _LABEL)


def remove_placed(request: RecordedRequest, places: Iterable[CredentialPlace]) -> RecordedRequest:
    """Remove the headers and parameters that only contain a credential, and replace each other credential by
    `[redacted]`, however short it is."""
    for place in places:
        if place.kind == "header":
            headers = {name: value for name, value in request.headers.items() if name.lower() != place.name.lower()}
            request = msgspec.structs.replace(request, headers=headers)
        elif place.kind == "parameter":
            query, form = (_blank(values, (place.name,)) for values in (request.query, request.form))
            if place.certain:  # as the recorder does: a request is compared without these parameters
                query = {name: value for name, value in query.items() if name != place.name}
            request = msgspec.structs.replace(request, query=query, form=form)
        elif place.kind == "field":
            path = tuple(place.name.split("."))
            parts = request.parts and tuple(_blank_part(part, place.name) for part in request.parts)
            body, form = _blank(request.body, path), _blank(request.form, path)
            request = msgspec.structs.replace(request, body=body, form=form, parts=parts)
        elif place.kind == "url" and (match := re.search(place.name, request.url)) is not None:
            url = request.url
            for group in range(match.re.groups, 0, -1):
                url = url[: match.start(group)] + REDACTED + url[match.end(group) :]
            request = msgspec.structs.replace(request, url=url)
    return request


def _find_placed_texts(place: CredentialPlace, request: Request, recorded: RecordedRequest) -> Iterator[str]:
    """Yield the strings at a place."""
    if place.kind == "header":
        for value in request.headers.get_all(place.name):
            yield from _split_header(place.name, value)
    elif place.kind == "url":
        match = re.search(place.name, recorded.url)
        yield from match.groups() if match is not None else ()
    elif place.kind == "parameter":
        yield from _iterate_texts((recorded.query.get(place.name), (recorded.form or {}).get(place.name)))
    elif place.kind == "field":
        path = tuple(place.name.split("."))
        yield from _iterate_texts((get_at(recorded.body, path), get_at(recorded.form, path)))
        yield from (part.text for part in recorded.parts or () if part.name == place.name and part.text)


def _split_header(name: str, value: str) -> Iterator[str]:
    """Yield the possible credentials of a header: the value, the value without its scheme, user name (often the key)
    and password, cookies."""
    yield value
    bare = _SCHEME.sub("", value, count=1).strip()
    yield bare
    if value[:6].lower() == "basic ":
        try:
            yield from base64.b64decode(bare, validate=True).decode("utf-8", "replace").split(":", 1)
        except binascii.Error:
            return
    if name.lower() == "cookie":
        yield from (pair.partition("=")[2].strip() for pair in value.split(";"))
    if name.lower() == "set-cookie":
        yield value.partition(";")[0].partition("=")[2].strip()


def _learn_named(data: Any, place: Place, redactor: WaryRedactor) -> None:
    """Add the values that are named like credentials, except `token`, which is often the name of a page token."""
    if isinstance(data, Mapping):
        for name, value in data.items():
            if isinstance(value, str) and str(name).lower() != "token" and redactor.is_named(str(name), place, value):
                _learn(value, redactor)
            else:
                _learn_named(value, place, redactor)
    elif isinstance(data, list):
        for value in data:
            _learn_named(value, place, redactor)


def _learn(value: str, redactor: WaryRedactor) -> None:
    """Add a value that only its name identifies as a credential, unless it may be a common word."""
    if len(value) >= _SHORTEST and not value.isalpha() and re.search(r"\s|://", value) is None:
        redactor.add(value, _LABEL)


def _iterate_texts(values: Iterable[Any]) -> Iterator[str]:
    for value in values:
        if isinstance(value, str):
            yield value
        elif isinstance(value, list):
            yield from _iterate_texts(value)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            yield str(value)


def _blank(data: Any, path: tuple[str, ...]) -> Any:
    """Return a copy with `[redacted]` at a path; the same object if it has no such path."""
    if data is UNSET or not isinstance(data, dict) or path[0] not in data:
        return data
    inner = REDACTED if len(path) == 1 else _blank(data[path[0]], path[1:])
    return {**data, path[0]: inner}


def _blank_part(part: RecordedPart, name: str) -> RecordedPart:
    return msgspec.structs.replace(part, body=UNSET, text=REDACTED, base64=None) if part.name == name else part
