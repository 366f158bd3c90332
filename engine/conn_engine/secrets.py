"""Secret values: held masked (`Secret`), removed from what leaves the process (`Redactor`), kept (`Vault`).

Where secrets are kept is `vault`'s, where they may be sent is `transport.door`'s; there is no I/O here.
"""

import re
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from typing import Any, NoReturn, Protocol, SupportsIndex
from urllib.parse import unquote_plus

from conn_engine.secret_forms import Compiled, compile_forms, spellings, widened
from conn_engine.secret_names import is_common_word, is_open_part, is_public_part, is_signature_name, secret_name
from conn_engine.secret_streams import EchoCleaner

__all__ = ["REDACTED", "NumberingRedactor", "Redactor", "Secret", "Vault", "is_numbered", "secret_name", "unnumbered"]

REDACTED = "[redacted]"
_MARK = REDACTED.encode()
_PLACEHOLDER = re.compile(r"\[redacted\](?:\.\d{1,6}\.)?")
_NUMBERED = re.compile(r"\[redacted\]\.\d{1,6}\.")
_SHORTEST = 4
_SHORTEST_ECHO = 8
_LINE = 20
_QUERY_PAIR = re.compile(r"([?&#;])([^=&#?;\s]{1,100})=([^&#;\s\"'<>]*)")
_USER_INFO = re.compile(r"(://)[^/?#\s@\"'<>]*@")


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

    A secret is recognised plain, percent- or form-encoded (also twice), JSON-escaped (also twice), in
    hexadecimal and inside base64 at any alignment (such as `user:secret` of a Basic header). Time is linear
    in the text.
    """

    def __init__(self, values: Iterable[str] = ()) -> None:
        self._labels: dict[str, str] = {}
        self._compiled: Compiled | None = None
        self._compiled_echoes: Compiled | None = None
        self._echoes: dict[str, tuple[bytes, ...]] = {}
        for value in values:
            self.add(value)

    def add(self, value: str, label: str = "") -> None:
        """Learn one secret. Values shorter than 4 characters are ignored. `label` is what `find` calls it."""
        if len(value) < _SHORTEST or value in self._labels or value == REDACTED:
            return
        self._labels[value] = label or f"a secret of {len(value)} characters"
        if len(value) >= _SHORTEST_ECHO and not is_open_part(label):
            self._echoes[value] = spellings(value)
        if "\n" in value:  # a key in PEM form leaks line by line as well
            for line in value.splitlines():
                if len(line) >= _LINE and not line.startswith("-----"):
                    self._labels.setdefault(line, self._labels[value])

    def add_document(self, document: Any, label: str = "") -> None:
        """Learn every text of a credential document but such as `token_type`, `scope` and `instance_url`."""
        if isinstance(document, Mapping):
            for key, value in document.items():
                if not is_public_part(str(key)):
                    self.add_document(value, f"{label}.{key}" if label else str(key))
        elif isinstance(document, (list, tuple)):
            for value in document:
                self.add_document(value, label)
        elif isinstance(document, str) and not is_common_word(document):
            self.add(document, label)

    def text(self, text: str) -> str:
        """The text with every known secret replaced."""
        compiled = self._current()
        if compiled is None or not text:
            return text
        return REDACTED.join(self._piece(compiled, piece) for piece in text.split(REDACTED))

    def without_echo(self, body: bytes) -> bytes:
        """An answer's body without the secrets that it sends back: plain, percent-encoded, JSON-escaped or base64.

        Whoever writes the mappings of an answer must not read there what the request carried. Names, ids and the like
        in a credential (`username`) are no reason to touch an answer. Fast when there is nothing to do.
        """
        if not any(form in body for forms in self._echoes.values() for form in forms):
            return body
        compiled = self._current_echoes()
        pieces = body.decode("utf-8", "surrogateescape").split(REDACTED)
        return REDACTED.join(self._piece(compiled, piece) for piece in pieces).encode("utf-8", "surrogateescape")

    def echo_cleaner(self) -> EchoCleaner:
        """`without_echo` for a body that comes in pieces."""
        return EchoCleaner([form for forms in self._echoes.values() for form in forms], self._byte_spans, _MARK)

    def _byte_spans(self, content: bytes) -> list[tuple[int, int]]:
        text = content.decode("utf-8", "surrogateescape")
        spans = self._spans(self._current_echoes(), text) if self._echoes else []
        if len(text) == len(content):
            return spans
        return [tuple(len(text[:at].encode("utf-8", "surrogateescape")) for at in span) for span in spans]  # type: ignore[misc]

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
            return REDACTED if str(value) in self._labels else value
        return value

    def find(self, content: bytes | str) -> list[str]:
        """The labels of the known secrets present, in any form. Never the secrets themselves."""
        compiled = self._current()
        if compiled is None or not content:
            return []
        text = content.decode("utf-8", "replace") if isinstance(content, bytes) else content
        found: dict[str, None] = {}
        for piece in text.split(REDACTED):
            for match in compiled.pattern.finditer(piece):
                found.setdefault(compiled.groups[(match.lastindex or 1) - 1][0])
        return list(found)

    def __repr__(self) -> str:
        return f"Redactor({len(self._labels)} secrets)"

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

    def _current(self) -> "Compiled | None":
        # One value, replaced as a whole and only trusted for the secrets it was made of: threads add and
        # read at once.
        compiled = self._compiled
        if self._labels and (compiled is None or compiled.size != len(self._labels)):
            compiled = self._compiled = compile_forms(list(self._labels.items()))
        return compiled

    def _current_echoes(self) -> "Compiled":
        compiled = self._compiled_echoes
        if compiled is None or compiled.size != len(self._echoes):
            known = [(value, self._labels[value]) for value in list(self._echoes)]
            compiled = self._compiled_echoes = compile_forms(known)
        return compiled

    def _piece(self, compiled: Compiled, text: str) -> str:
        parts: list[str] = []
        done = 0
        for start, end in self._spans(compiled, text):
            parts += (text[done:start], REDACTED)
            done = end
        parts.append(text[done:])
        return "".join(parts)

    def _spans(self, compiled: Compiled, text: str) -> list[tuple[int, int]]:
        """Where the secrets of a text stand, in order and apart from one another."""
        spans: list[tuple[int, int]] = []
        done = 0
        for match in compiled.pattern.finditer(text):
            start, end = match.span()
            if compiled.groups[(match.lastindex or 1) - 1][1]:
                start, end = widened(text, start, end, done)
            if start > done or not spans:
                spans.append((start, end))
            else:  # one that begins inside the widening before it, or at its end, only lengthens it
                spans[-1] = (spans[-1][0], max(done, end))
            done = max(done, end)
        return spans


class NumberingRedactor(Redactor):
    """Tells values that only their name gives away apart: `[redacted].1.`, `[redacted].2.` by value.

    A page's token is often called `token`. In a recording the link to a page and the request for it must still be the
    same, and those of two pages not. Values that the run knows as its secrets stay plain `[redacted]`.
    """

    def __init__(self, redactor: Redactor) -> None:
        super().__init__()
        self._labels = redactor._labels
        self._echoes = redactor._echoes
        self._numbers: dict[str, int] = {}

    def _named(self, value: str) -> str:
        if _PLACEHOLDER.fullmatch(value):
            return value
        if self.text(value) != value:
            return REDACTED
        return f"{REDACTED}.{self._numbers.setdefault(value, len(self._numbers) + 1)}."
