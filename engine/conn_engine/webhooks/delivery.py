"""A webhook delivery, the HTTP request by which a vendor reports events, as expressions see it.

Verification and events are elsewhere. The body's text is exact: the text that an expression builds from it has the same
bytes as the request.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qsl

from conn_engine.bodies import ResponseOptions, decode
from conn_engine.caching import cached_property
from conn_engine.errors import VendorError
from conn_engine.roles import DELIVERY
from conn_engine.secrets import Redactor
from conn_engine.settings import Names, Scope
from conn_engine.webhooks.form_parts import read_form_parts
from conn_engine.wire import Echoes, Headers, Response

__all__ = ["MAX_DELIVERY_BYTES", "NAMES", "Delivery"]

MAX_DELIVERY_BYTES = 32 * 1024 * 1024
"""Longest accepted body. Some vendors send up to 25 MB."""

NAMES = DELIVERY
"""The names that expressions over a delivery can read. `body` is parsed only if an expression names it."""

_MAX_FIELDS = 10_000
_FORM = "application/x-www-form-urlencoded"
_MULTIPART = "multipart/form-data"
_ROWS = re.compile(r"application/(?:x-)?(?:ndjson|jsonl|json-lines|jsonlines)")
_XML = re.compile(r"(?:application|text)/(?:[\w.-]+\+)?xml")
_URL = re.compile(
    r"(?:[^:/?#]+:)?(?://([^/?#]*))?([^?#]*)(?:\?([^#]*))?", re.DOTALL
)  # from RFC 3986: matches every text
_PROVING = frozenset({"authorization", "proxy-authorization", "cookie"})
_READ_OF_BODY = ("_charset", "text")
_READ_OF_HEAD = ("_url", "_query", "repeated", "plain")
_LIKE_JSON = re.compile(r'\s*[\[{"]')


@dataclass(frozen=True, repr=False)
class Delivery:
    """A delivery. `url` is the one that the vendor called, which may differ from a proxy's. `body` has the bytes
    without compression. `echoes` finds secrets that the delivery repeats (None: it has not been cleaned)."""

    method: str
    url: str
    headers: Headers = field(default_factory=Headers)
    body: bytes = b""
    echoes: Echoes | None = field(default=None, compare=False)

    def __repr__(self) -> str:
        return f"Delivery({self.method} {self.url.split('?')[0]}, {len(self.body)} bytes)"  # the rest may be secret

    @cached_property
    def text(self) -> str:
        """The body as text that `encode_exactly` turns into the same bytes: UTF-8, or one character for each byte."""
        return self.body.decode(self._charset)

    @cached_property
    def _charset(self) -> str:
        try:
            self.body.decode()
        except UnicodeDecodeError:
            return "latin-1"
        return "utf-8"

    def encode_exactly(self, text: str) -> bytes:
        """Return the bytes of a string built from the delivery. Raises UnicodeEncodeError if it has other
        characters."""
        return text.encode(self._charset)

    @cached_property
    def data(self) -> Any:
        """The body as data, by its content type: JSON, lines of JSON, a form (name to value, or to values), a multipart
        form or XML. A body that looks like JSON is read as JSON. Otherwise it is the text, or None if empty.

        An unreadable body is also its text: the signature shows whether the vendor sent it.
        """
        return self._response.clean(self._read_body())

    def _read_body(self) -> Any:
        if not self.body.strip():
            return None
        kind = self.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind == _FORM:
            return _collect(_parse_pairs(self.text))
        if kind == _MULTIPART:
            return _collect(read_form_parts(self.headers["content-type"], self.body, _MAX_FIELDS))
        try:
            if _ROWS.fullmatch(kind):
                return self._decode("jsonl")
            if _XML.fullmatch(kind):
                return self._decode("xml")
            if "json" in kind or _LIKE_JSON.match(self.text):
                return self._decode("json")
        except VendorError:
            pass
        return self.text

    @property
    def _response(self) -> Response:
        return Response(200, self.headers, self.body, echoes=self.echoes)

    def _decode(self, form: str) -> Any:
        return decode(self._response, form, ResponseOptions())

    @cached_property
    def repeated_names(self) -> frozenset[str]:
        """Names of headers and query parameters that occur more than once, so that it is ambiguous which one
        applies."""
        names = Counter(name.lower() for name, _ in self.headers.pairs)
        names.update(name for name, _ in self._query)
        return frozenset(name for name, count in names.items() if count > 1)

    @cached_property
    def _url(self) -> tuple[str, str, str]:
        """Host with port, path and query. The host is the caller's claim and may be wrong."""
        match = _URL.match(self.url)
        host, path, query = match.groups() if match is not None else (None, None, None)
        return host or "", path or "/", query or ""

    @cached_property
    def _query(self) -> list[tuple[str, str]]:
        return _parse_pairs(self._url[2])

    @cached_property
    def plain(self) -> Names:
        """The names that expressions can use, without `body`. A name that occurs several times has a list."""
        host, path, query = self._url
        return {
            "method": self.method.upper(),
            "url": self.url,
            "host": host,
            "path": path,
            "target": path + (f"?{query}" if query else ""),
            "query": _collect(self._query),
            "headers": _collect((name.lower(), value.strip()) for name, value in self.headers.pairs),
            "text": self.text,
            "body_sha256": hashlib.sha256(self.body).hexdigest(),
        }

    def clean(self, redactor: Redactor) -> "Delivery":
        """Return the delivery for mappings: without headers that contain a credential, and with `[redacted]` in place
        of known secrets. A verified delivery may contain the secret itself."""
        pairs = [[name, value] for name, value in self.headers.pairs if name.lower() not in _PROVING]
        head = [self.url, pairs]
        url, clean_pairs = clean_head = redactor.data_without_echo(head)
        body = redactor.without_echo(self.body)
        clean = replace(self, url=url, headers=Headers(map(tuple, clean_pairs)), body=body, echoes=redactor)
        if body is self.body:  # keep what has been read
            same = clean_head is head and len(pairs) == len(self.headers.pairs)
            names = _READ_OF_BODY + _READ_OF_HEAD if same else _READ_OF_BODY
            clean.__dict__.update({name: self.__dict__[name] for name in names if name in self.__dict__})
            if "data" in self.__dict__:
                clean.__dict__["data"] = redactor.data_without_echo(self.data)
        return clean

    def build_names(self, text_or_data: Any, scope: Scope) -> Scope:
        """Return `scope` with the delivery's names, which take precedence. `body` is included if `text_or_data`, a
        string or data of strings with expressions, contains the word."""
        names = scope | self.plain
        if _has_word(text_or_data, "body"):
            names["body"] = self.data
        return names


def _has_word(data: Any, word: str) -> bool:
    if isinstance(data, str):
        return word in data or "*" in data or "$$" in data or "$." in data
    if isinstance(data, Mapping):
        return any(_has_word(value, word) for value in data.values())
    return isinstance(data, list | tuple) and any(_has_word(item, word) for item in data)


def _parse_pairs(text: str) -> list[tuple[str, str]]:
    """Return the fields of a form or a query in order, or an empty list if there are too many."""
    try:
        return parse_qsl(text, keep_blank_values=True, errors="replace", max_num_fields=_MAX_FIELDS)
    except ValueError:
        return []


def _collect(pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    values_by_name: dict[str, list[str]] = {}
    for name, value in pairs:
        values_by_name.setdefault(name, []).append(value)
    return {name: values[0] if len(values) == 1 else values for name, values in values_by_name.items()}
