"""Remove secrets from output and from responses. `secrets.search` finds them."""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, AnyStr
from urllib.parse import unquote_plus

from conn_engine.secrets.documents import replace_secrets
from conn_engine.secrets.names import Place, is_open_part, is_secret_name, is_signature_name
from conn_engine.secrets.search import REDACTED, SecretSearch, Spans
from conn_engine.secrets.streams import EchoCleaner, Replacement

__all__ = ["REDACTED", "NumberingRedactor", "Redactor", "is_numbered", "remove_numbers", "splice"]

_PLACEHOLDER = re.compile(r"\[redacted\](?:\.\d{1,6}\.)?")
_NUMBERED = re.compile(r"\[redacted\]\.\d{1,6}\.")
_SEPARATOR = "\1"
_INDENT = 40
_NUMERIC = "0123456789+-.eE"
_NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_QUERY_PAIR = re.compile(r"([?&#;])([^=&#?;\s]{1,100})=([^&#;\s\"'<>]*)")
_USER_INFO = re.compile(r"(://)[^/?#\s@\"'<>]*@")


def is_numbered(text: str) -> bool:
    """Return whether the text contains a numbered placeholder, as the responses of recordings do."""
    return _NUMBERED.search(text) is not None


def remove_numbers(text: str) -> str:
    """Replace the numbered placeholders of a string by plain ones."""
    return _NUMBERED.sub(REDACTED, text)


def splice(text: AnyStr, replacements: Iterable[tuple[int, int, AnyStr]]) -> AnyStr:
    """Apply sorted replacements without overlaps to a string. Return the same object if there are none."""
    parts: list[AnyStr] = []
    done = 0
    for start, end, new in replacements:
        parts += (text[done:start], new)
        done = end
    if not parts:
        return text
    parts.append(text[done:])
    return text[:0].join(parts)


class Redactor:
    """Replaces the secrets of a run by `[redacted]`, in all forms in which they may be sent.

    A secret is found in plain text, percent- or form-encoded, with the escapes of JSON, HTML and XML (for any of its
    characters, nested up to four times), divided by sections and comments of XML, in quoted-printable, in hexadecimal,
    in UTF-16, and in base64 at any alignment (such as `user:secret` in a Basic header). The time is linear in the
    length of the text.

    Other transformations are not found: reversed, in a different letter case, split with other text in between, as
    numbers, encrypted, compressed, or encoded twice (base64 in base64).
    """

    remedy = "it is also part of ordinary text (a name, a date): record with another secret"
    """The fix for a file that cannot be written without a secret."""

    def __init__(self, values: Iterable[str] = ()) -> None:
        self._search = SecretSearch()
        for value in values:
            self.add(value)

    def add(self, value: str, label: str = "") -> None:
        """Add a secret. Values shorter than 4 characters are ignored. `find` returns the `label`."""
        if value != REDACTED:
            label = label or f"a secret of {len(value)} characters"
            self._search.add(value, label, echo=not is_open_part(label))

    def add_document(self, document: Any, label: str = "") -> None:
        """Add every text of a credential document, except parts such as `token_type`, `scope` and `instance_url`."""
        replace_secrets(document, label, self.add)

    def text(self, text: str) -> str:
        """Return the text with every known secret replaced."""
        return self._replace_spans(text, self._search.locate)

    def without_echo(self, body: bytes) -> bytes:
        """Return a response's body without the secrets that it repeats. Return the same object if there are none.

        The author of a mapping must not be able to read the request's secrets in the response. Identities in a
        credential (`username`) and values of fewer than 8 characters, which may be ordinary words, stay unchanged. This
        is fast if there is nothing to do.
        """
        if not self._search.suspects(body.decode("latin-1")):
            return body
        return splice(body, self._echoes(body))

    def data_without_echo(self, data: Any) -> Any:
        """Return decoded data without the secrets that a response repeats, also in keys. Return the same object if
        there are none. Unlike in a body, escapes of the format cannot hide a secret here."""
        return self._data_without_echo(data) if self._search.suspects(_SEPARATOR.join(_walk_texts(data))) else data

    def echo_cleaner(self) -> EchoCleaner:
        """Return a cleaner that does the same as `without_echo` for a body that arrives in pieces."""
        return EchoCleaner(self._echoes if self._search.has_echoes else None, self._search.reach)

    def url(self, url: str) -> str:
        """Return a URL without known secrets, values of parameters with secret names, and user information."""
        return self.text(self._without_named(url))

    def parameters(self, query: Mapping[str, Any]) -> dict[str, Any]:
        """Return the parameters of a URL, each with its value or values, redacted like `url`."""
        return self._redact_mapping(query, "parameter")

    def form(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        """Return the fields of a form, each with its value or values, redacted like `data`."""
        return self._redact_mapping(fields, "field")

    def data(self, value: Any) -> Any:
        """Return a copy of JSON-like data without known secrets, and without values that have a secret name.

        `{name: "api_key", value: …}` pairs count as named. null, booleans and empty strings stay.
        """
        if isinstance(value, str):
            return self.url(value) if "://" in value or value.startswith(("/", "?")) else self.text(value)
        if isinstance(value, Mapping):
            return self._redact_mapping(value, "field")
        if isinstance(value, (list, tuple)):
            return [self.data(item) for item in value]
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return REDACTED if str(value) in self._search.labels else value
        return value

    def is_named(self, name: str, place: Place, value: Any = None) -> bool:
        """Return whether values with this name at this place are secrets."""
        return is_secret_name(name) or (place == "parameter" and is_signature_name(name))

    def to_numbering(self) -> "NumberingRedactor":
        """Return a redactor that numbers the values that are redacted only because of their name."""
        return NumberingRedactor(self)

    def find(self, content: bytes | str) -> list[str]:
        """Return the labels of the known secrets in the data, in any form, but never the secrets."""
        text = content.decode("utf-8", "replace") if isinstance(content, bytes) else content
        return self._search.labels_in(text)

    def __repr__(self) -> str:
        return f"Redactor({len(self._search.labels)} secrets)"

    def _replace_spans(self, text: str, locate: Callable[[str], Spans]) -> str:
        return splice(text, ((start, end, REDACTED) for start, end in locate(text)))

    def _data_without_echo(self, value: Any) -> Any:
        if isinstance(value, str):
            return self._replace_spans(value, self._search.locate_echoes)
        if isinstance(value, Mapping):
            return {self._data_without_echo(key): self._data_without_echo(item) for key, item in value.items()}
        return [self._data_without_echo(item) for item in value] if isinstance(value, list) else value

    def _echoes(self, content: bytes) -> list[Replacement]:
        """Return the replacements in a body, in bytes. A number in JSON is replaced by a string as a whole."""
        if not self._search.suspects(content.decode("latin-1")):
            return []
        text = content.decode("utf-8", "surrogateescape")
        replacements: list[Replacement] = []
        done = place = 0
        for start, end in self._search.locate_echoes(text):
            if "\0" in text[start:end]:  # UTF-16: the first and the last half belong to other characters
                start = end - len(text[start:end].lstrip("\0"))  # noqa: PLW2901
                end = start + len(text[start:end].rstrip("\0"))  # noqa: PLW2901
            if end <= done:  # the replaced number includes it
                continue
            start, end, mark = _fit_mark(text, max(start, done), end, done)  # noqa: PLW2901
            first = place + _count_bytes(text[done:start])
            place = first + _count_bytes(text[start:end])
            replacements.append((first, place, mark))
            done = end
        return replacements

    def _redact_mapping(self, value: Mapping[Any, Any], place: Place) -> dict[Any, Any]:
        field_name = value.get("name", value.get("key"))
        pair = isinstance(field_name, str) and self.is_named(field_name, place, value.get("value"))
        return {
            (self.text(key) if isinstance(key, str) else key): (
                self._blank(item)
                if (pair and key == "value") or self.is_named(str(key), place, item)
                else self.data(item)
            )
            for key, item in value.items()
        }

    def _blank(self, value: Any) -> Any:
        """Replace all strings and numbers below a secret name."""
        if isinstance(value, Mapping):
            return {(self.text(key) if isinstance(key, str) else key): self._blank(v) for key, v in value.items()}
        if isinstance(value, (list, tuple)):
            return [self._blank(item) for item in value]
        return value if value is None or isinstance(value, bool) or value == "" else self._make_placeholder(str(value))

    def _without_named(self, url: str) -> str:
        def pair(match: re.Match[str]) -> str:
            mark, name, value = match.groups()
            if not value or not self.is_named(name, "parameter", value):
                return match.group()
            return f"{mark}{name}={self._make_placeholder(unquote_plus(value))}"

        return _USER_INFO.sub(rf"\1{REDACTED}@", _QUERY_PAIR.sub(pair, url))

    def _make_placeholder(self, value: str) -> str:
        """Return the placeholder of a value that is a secret only by its name. A placeholder stays unchanged."""
        return value if _PLACEHOLDER.fullmatch(value) else REDACTED


class NumberingRedactor(Redactor):
    """Numbers the values that are redacted only because of their name: `[redacted].1.`, `[redacted].2.` by value.

    A page token is often named `token`. In a recording, the link to a page and its request must still be equal, and
    those of different pages must differ. Known secrets of the run are always replaced by plain `[redacted]`.
    """

    def __init__(self, redactor: Redactor) -> None:
        self._search = redactor._search
        self._numbers: dict[str, int] = {}

    def to_numbering(self) -> "NumberingRedactor":
        """Return this redactor, which continues its numbers."""
        return self

    def _make_placeholder(self, value: str) -> str:
        if _PLACEHOLDER.fullmatch(value):
            return value
        if self._search.locate(value):
            return REDACTED
        return f"{REDACTED}.{self._numbers.setdefault(value, len(self._numbers) + 1)}."


def _count_bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogateescape"))


def _fit_mark(text: str, start: int, end: int, floor: int) -> tuple[int, int, bytes]:
    """Return the replacement for a place of a body, and its adjusted bounds, so that the body stays valid UTF-16 or
    JSON. `floor` is the end of the previous place."""
    if "\0" in text[start:end]:
        return start, end, "\0".join(REDACTED).encode()
    head, tail = text[max(floor, start - _INDENT) : start], text[end : end + _INDENT]
    first, last = start - len(head) + len(head.rstrip(_NUMERIC)), end + len(tail) - len(tail.lstrip(_NUMERIC))
    before, after = text[max(0, first - _INDENT) : first].rstrip(), text[last : last + _INDENT].lstrip()
    is_value = before.endswith((":", ",", "[")) and after.startswith((",", "]", "}"))
    if is_value and _NUMBER.fullmatch(text, first, last):
        return first, last, f'"{REDACTED}"'.encode()
    return start, end, REDACTED.encode()


def _walk_texts(data: Any) -> list[str]:
    """Yield the strings of JSON data, including keys."""
    texts: list[str] = []
    stack = [data]
    while stack:
        node = stack.pop()
        kind = type(node)
        if kind is str:
            texts.append(node)
        elif kind is dict:
            texts += node
            stack += node.values()
        elif kind is list:
            stack += node
    return texts
