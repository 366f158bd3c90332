"""Secret values: held masked (`Secret`), removed from what leaves the process (`Redactor`), kept (`Vault`).

Where secrets are kept is `vault`'s, where they may be sent is `transport.door`'s; there is no I/O here.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from typing import Any, NoReturn, Protocol, SupportsIndex
from urllib.parse import unquote_plus

from conn_engine.secret_names import is_common_word, is_open_part, is_public_part, is_signature_name, secret_name
from conn_engine.secret_search import SHORTEST, SecretSearch, Spans
from conn_engine.secret_streams import EchoCleaner, Replacement

__all__ = [
    "REDACTED",
    "NumberingRedactor",
    "Redactor",
    "Secret",
    "Vault",
    "is_numbered",
    "mask_short",
    "secret_name",
    "unnumbered",
]

REDACTED = "[redacted]"
_PLACEHOLDER = re.compile(r"\[redacted\](?:\.\d{1,6}\.)?")
_NUMBERED = re.compile(r"\[redacted\]\.\d{1,6}\.")
_SEPARATOR = "\1"
_INDENT = 40
_QUERY_PAIR = re.compile(r"([?&#;])([^=&#?;\s]{1,100})=([^&#;\s\"'<>]*)")
_USER_INFO = re.compile(r"(://)[^/?#\s@\"'<>]*@")


def mask_short(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """What an authorization is made of, with `[redacted]` for secrets that are too short to be searched for; this very
    object when there are none."""
    short: list[str] = []

    def mask(text: str, _label: str) -> str | None:
        if not text or len(text) >= SHORTEST:
            return None
        short.append(text)
        return REDACTED

    masked = {
        name: value if name == "context" else _replace_secrets({name: value}, "", mask)[name]
        for name, value in document.items()
    }
    return masked if short else document


def is_numbered(text: str) -> bool:
    """Whether the text holds a numbered placeholder, as a recording's answers do."""
    return _NUMBERED.search(text) is not None


def unnumbered(text: str) -> str:
    """The text with its numbered placeholders made plain ones."""
    return _NUMBERED.sub(REDACTED, text)


class Secret:
    """A value that shows itself only on `reveal()`: repr, str and format are masked; it cannot be pickled."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The value itself."""
        return self._value

    def __repr__(self) -> str:
        return "Secret([redacted])"

    def __str__(self) -> str:
        return REDACTED

    def __format__(self, spec: str) -> str:
        return REDACTED

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash((Secret, self._value))

    def __reduce_ex__(self, protocol: SupportsIndex) -> NoReturn:
        raise TypeError("a Secret cannot be pickled or copied out")


class Vault(Protocol):
    """Where the credential documents of accounts are kept. A document is a JSON object.

    All methods block; asynchronous callers go through `asyncio.to_thread`. Each raises CredentialError when
    the store cannot be used.
    """

    @property
    def kind(self) -> str:
        """What it is, for people: `keyring`, `encrypted file`, `environment`, `memory`."""
        ...

    def load(self, account: str) -> dict[str, Any] | None:
        """The account's document; None when it has none."""
        ...

    def save(self, account: str, document: Mapping[str, Any]) -> None:
        """Keep the document, whole, before returning."""
        ...

    def delete(self, account: str) -> bool:
        """Forget it; whether there was one."""
        ...

    def exclusive(self, account: str) -> AbstractContextManager[None]:
        """Held by one thread of one process at a time: what a refresh of this account's token runs under."""
        ...


class Redactor:
    """Knows the secrets of a run and replaces them by `[redacted]`, in any of the forms in which they travel.

    A secret is recognised plain, percent- or form-encoded, with the escapes of JSON, HTML and XML, whichever of its
    characters are escaped and up to four times over, divided by sections and comments of XML, in quoted-printable, in
    hexadecimal, in UTF-16, and inside base64 at any alignment (such as `user:secret` of a Basic header). Time is linear
    in the text.

    Not recognised is what somebody computes of it: reversed, in other letter case, cut in parts with something between
    them, as numbers, encrypted, compressed, or packed twice (base64 of base64).
    """

    def __init__(self, values: Iterable[str] = ()) -> None:
        self._search = SecretSearch()
        for value in values:
            self.add(value)

    def add(self, value: str, label: str = "") -> None:
        """Learn one secret. Values shorter than 4 characters are ignored. `label` is what `find` calls it."""
        if value != REDACTED:
            label = label or f"a secret of {len(value)} characters"
            self._search.add(value, label, echo=not is_open_part(label))

    def add_document(self, document: Any, label: str = "") -> None:
        """Learn every text of a credential document but such as `token_type`, `scope` and `instance_url`."""
        _replace_secrets(document, label, self.add)

    def text(self, text: str) -> str:
        """The text with every known secret replaced."""
        return self._replaced(text, self._search.locate)

    def without_echo(self, body: bytes) -> bytes:
        """An answer's body without the secrets that it sends back; this very object when there are none.

        Whoever writes the mappings of an answer must not read there what the request carried. Names, ids and the like
        in a credential (`username`) are no reason to touch an answer, and neither is what has fewer than 8 characters:
        it is a word of many. Fast when there is nothing to do.
        """
        if not self._search.suspects(body.decode("latin-1")):
            return body
        parts: list[bytes] = []
        done = 0
        for start, end, replacement in self._echoes(body):
            parts += (body[done:start], replacement)
            done = end
        return b"".join((*parts, body[done:])) if parts else body

    def data_without_echo(self, data: Any) -> Any:
        """Decoded data without the secrets that an answer sends back, among its keys too; this very object when there
        are none. An escape of the answer's format hides nothing here."""
        return self._data_without_echo(data) if self._search.suspects(_SEPARATOR.join(_texts_in(data))) else data

    def echo_cleaner(self) -> EchoCleaner:
        """`without_echo` for a body that comes in pieces."""
        return EchoCleaner(self._echoes if self._search.has_echoes else None, self._search.reach)

    def url(self, url: str) -> str:
        """A URL without known secrets, values of parameters with secret names, and user information."""
        return self.text(self._without_named(url))

    def parameters(self, query: Mapping[str, Any]) -> dict[str, Any]:
        """The parameters of a URL, each with its value or its values, as `url` leaves them."""
        clean = self._mapping(query)
        signed = [name for name in query if is_signature_name(name)]
        return {**clean, **{self.text(name): self._blank(query[name]) for name in signed}}

    def data(self, value: Any) -> Any:
        """A copy of JSON-like data without known secrets, and without values that have a secret name.

        `{name: "api_key", value: …}` pairs count as named. null, booleans and empty texts stay.
        """
        if isinstance(value, str):
            return self.url(value) if "://" in value or value.startswith(("/", "?")) else self.text(value)
        if isinstance(value, Mapping):
            return self._mapping(value)
        if isinstance(value, (list, tuple)):
            return [self.data(item) for item in value]
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return REDACTED if str(value) in self._search.labels else value
        return value

    def find(self, content: bytes | str) -> list[str]:
        """The labels of the known secrets present, in any form. Never the secrets themselves."""
        text = content.decode("utf-8", "replace") if isinstance(content, bytes) else content
        return list(dict.fromkeys(label for part in text.split(REDACTED) for label in self._search.labels_in(part)))

    def __repr__(self) -> str:
        return f"Redactor({len(self._search.labels)} secrets)"

    def _replaced(self, text: str, locate: Callable[[str], Spans]) -> str:
        parts: list[str] = []
        done = 0
        for start, end in _located(text, locate):
            parts += (text[done:start], REDACTED)
            done = end
        return "".join((*parts, text[done:])) if parts else text

    def _data_without_echo(self, value: Any) -> Any:
        if isinstance(value, str):
            return self._replaced(value, self._search.locate_echoes)
        if isinstance(value, Mapping):
            return {self._data_without_echo(key): self._data_without_echo(item) for key, item in value.items()}
        return [self._data_without_echo(item) for item in value] if isinstance(value, list) else value

    def _echoes(self, content: bytes) -> list[Replacement]:
        """What to replace in a body, in bytes. A number of JSON becomes a text."""
        if not self._search.suspects(content.decode("latin-1")):
            return []
        text = content.decode("utf-8", "surrogateescape")
        found: list[Replacement] = []
        done = place = 0
        for start, end in _located(text, self._search.locate_echoes):
            if (
                "\0" in text[start:end]
            ):  # halves of characters of UTF-16, of which the first and the last are not its own
                start = end - len(text[start:end].lstrip("\0"))  # noqa: PLW2901
                end = start + len(text[start:end].rstrip("\0"))  # noqa: PLW2901
            first = place + _bytes_in(text[done:start])
            place = first + _bytes_in(text[start:end])
            found.append((first, place, _mark_for(text, start, end)))
            done = end
        return found

    def _mapping(self, value: Mapping[Any, Any]) -> dict[Any, Any]:
        named = value.get("name", value.get("key"))
        pair = isinstance(named, str) and secret_name(named)
        return {
            (self.text(key) if isinstance(key, str) else key): (
                self._blank(item) if (pair and key == "value") or secret_name(str(key)) else self.data(item)
            )
            for key, item in value.items()
        }

    def _blank(self, value: Any) -> Any:
        """Everything below a secret name, without its texts and numbers."""
        if isinstance(value, Mapping):
            return {(self.text(key) if isinstance(key, str) else key): self._blank(v) for key, v in value.items()}
        if isinstance(value, (list, tuple)):
            return [self._blank(item) for item in value]
        return value if value is None or isinstance(value, bool) or value == "" else self._named(str(value))

    def _without_named(self, url: str) -> str:
        def pair(match: re.Match[str]) -> str:
            mark, name, value = match.groups()
            secret = secret_name(name) or is_signature_name(name)
            return f"{mark}{name}={self._named(unquote_plus(value))}" if value and secret else match.group()

        return _USER_INFO.sub(rf"\1{REDACTED}@", _QUERY_PAIR.sub(pair, url))

    def _named(self, value: str) -> str:
        """What stands for a value that is only known by its name; what stands for one already stays."""
        return value if _PLACEHOLDER.fullmatch(value) else REDACTED


class NumberingRedactor(Redactor):
    """Tells values that only their name gives away apart: `[redacted].1.`, `[redacted].2.` by value.

    A page's token is often called `token`. In a recording the link to a page and the request for it must still be the
    same, and those of two pages not. Values that the run knows as its secrets stay plain `[redacted]`.
    """

    def __init__(self, redactor: Redactor) -> None:
        self._search = redactor._search
        self._numbers: dict[str, int] = {}

    def _named(self, value: str) -> str:
        if _PLACEHOLDER.fullmatch(value):
            return value
        if self.text(value) != value:
            return REDACTED
        return f"{REDACTED}.{self._numbers.setdefault(value, len(self._numbers) + 1)}."


def _replace_secrets(document: Any, label: str, replace: Callable[[str, str], str | None]) -> Any:
    """A copy of a credential document in which `replace` was asked for each secret text, with its label; what it gives
    stands there, but None."""
    if isinstance(document, Mapping):
        return {
            key: value
            if is_public_part(str(key))
            else _replace_secrets(value, f"{label}.{key}" if label else str(key), replace)
            for key, value in document.items()
        }
    if isinstance(document, (list, tuple)):
        return [_replace_secrets(value, label, replace) for value in document]
    if not isinstance(document, str) or is_common_word(document):
        return document
    new = replace(document, label)
    return document if new is None else new


def _located(text: str, locate: Callable[[str], Spans]) -> Spans:
    """What is located between the marks that a text has already."""
    if REDACTED not in text:
        return locate(text)
    found: Spans = []
    at = 0
    for part in text.split(REDACTED):
        found += [(at + start, at + end) for start, end in locate(part)]
        at += len(part) + len(REDACTED)
    return found


def _bytes_in(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogateescape"))


def _mark_for(text: str, start: int, end: int) -> bytes:
    """What stands for a place of a body, such that it can be read as what it is: UTF-16, or a number of JSON."""
    if "\0" in text[start:end]:
        return "\0".join(REDACTED).encode()
    before, after = text[max(0, start - _INDENT) : start].rstrip(), text[end : end + _INDENT].lstrip()
    bare = text[start:end].isdigit() and before.endswith((":", ",", "[")) and after.startswith((",", "]", "}"))
    return f'"{REDACTED}"'.encode() if bare else REDACTED.encode()


def _texts_in(data: Any) -> list[str]:
    """The texts of JSON data, keys included."""
    found: list[str] = []
    stack = [data]
    while stack:
        node = stack.pop()
        kind = type(node)
        if kind is str:
            found.append(node)
        elif kind is dict:
            found += node
            stack += node.values()
        elif kind is list:
            stack += node
    return found
