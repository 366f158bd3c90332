"""Secret values: held masked (`Secret`), removed from what leaves the process (`Redactor`), kept (`Vault`).

Where secrets are kept is `vault`'s, where they may be sent is `transport.door`'s; there is no I/O here.
"""

import base64
import json
import re
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, NoReturn, Protocol, SupportsIndex
from urllib.parse import quote, unquote_plus

__all__ = ["REDACTED", "NumberingRedactor", "Redactor", "Secret", "Vault", "is_numbered", "secret_name", "unnumbered"]

REDACTED = "[redacted]"
_PLACEHOLDER = re.compile(r"\[redacted\](?:\.\d{1,6}\.)?")
_NUMBERED = re.compile(r"\[redacted\]\.\d{1,6}\.")
_SHORTEST = 4
_LINE = 20

# fmt: off
_SECRET_NAMES = frozenset({
    "accesskey", "accesskeyid", "accesstoken", "apikey", "apisecret", "apitoken", "appsecret",
    "assertion", "auth", "authorization", "authtoken", "bearer", "bearertoken", "clientassertion",
    "clientsecret", "codeverifier", "cookie", "cookies", "credential", "credentials", "csrftoken",
    "idtoken", "jwt", "passphrase", "passwd", "password", "personalaccesstoken", "privatekey",
    "proxyauthorization", "pwd", "refreshtoken", "secret", "secretkey", "secrets", "securitytoken",
    "sessiontoken", "setcookie", "sharedsecret", "signingsecret", "token", "webhooksecret", "xsrftoken",
})
_SECRET_ENDINGS = (
    "accesstoken", "apikey", "apitoken", "authorization", "authtoken", "clientsecret", "csrftoken",
    "idtoken", "password", "privatekey", "refreshtoken", "secret", "secretkey", "securitytoken",
    "sessiontoken", "setcookie",
)
_NOT_SECRET_KEYS = frozenset({
    "tokentype", "scope", "scopes", "expiresat", "expiresin", "expires", "issuedat", "createdat",
    "instanceurl", "apidomain", "baseurl", "captured",
})
# fmt: on
_COMMON_WORDS = frozenset({"true", "false", "null", "none"})
_QUERY_PAIR = re.compile(r"([?&#;])([^=&#?;\s]{1,100})=([^&#;\s\"'<>]*)")
_USER_INFO = re.compile(r"(://)[^/?#\s@\"'<>]*@")
_BASE64_CHARACTER = re.compile(r"[A-Za-z0-9+/_-]")
_BASE64_TAIL = re.compile(r"(?:[A-Za-z0-9+/_-]|%2[BbFf])*(?:=|%3[Dd]){0,2}")


def _squeezed(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def secret_name(name: str) -> bool:
    """Whether a field, header or parameter of this name is a secret (`api_key`, `Set-Cookie` …).

    Names of paging tokens (`next_page_token`, `sync_token` …) are not secrets.
    """
    key = _squeezed(name)
    return key in _SECRET_NAMES or key.endswith(_SECRET_ENDINGS)


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
        self._compiled: _Compiled | None = None
        for value in values:
            self.add(value)

    def add(self, value: str, label: str = "") -> None:
        """Learn one secret. Values shorter than 4 characters are ignored. `label` is what `find` calls it."""
        if len(value) < _SHORTEST or value in self._labels or value == REDACTED:
            return
        self._labels[value] = label or f"a secret of {len(value)} characters"
        if "\n" in value:  # a key in PEM form leaks line by line as well
            for line in value.splitlines():
                if len(line) >= _LINE and not line.startswith("-----"):
                    self._labels.setdefault(line, self._labels[value])

    def add_document(self, document: Any, label: str = "") -> None:
        """Learn every text of a credential document but such as `token_type`, `scope` and `instance_url`."""
        if isinstance(document, Mapping):
            for key, value in document.items():
                if _squeezed(str(key)) not in _NOT_SECRET_KEYS:
                    self.add_document(value, f"{label}.{key}" if label else str(key))
        elif isinstance(document, (list, tuple)):
            for value in document:
                self.add_document(value, label)
        elif isinstance(document, str) and document.lower() not in _COMMON_WORDS:
            self.add(document, label)

    def text(self, text: str) -> str:
        """The text with every known secret replaced."""
        compiled = self._current()
        if compiled is None or not text:
            return text
        return REDACTED.join(self._piece(compiled, piece) for piece in text.split(REDACTED))

    def url(self, url: str) -> str:
        """A URL without known secrets, values of parameters with secret names, and user information."""
        return self.text(self._without_named(url))

    def data(self, value: Any) -> Any:
        """A copy of JSON-like data without known secrets, and without values that have a secret name.

        `{name: "api_key", value: …}` pairs count as named. null, booleans and empty texts stay.
        """
        if isinstance(value, str):
            return self.url(value) if "://" in value else self.text(value)
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
            return f"{mark}{name}={self._named(unquote_plus(value))}" if value and secret_name(name) else match.group()

        return _USER_INFO.sub(rf"\1{REDACTED}@", _QUERY_PAIR.sub(pair, url))

    def _named(self, value: str) -> str:
        """What stands for a value that is only known by its name; what stands for one already stays."""
        return value if _PLACEHOLDER.fullmatch(value) else REDACTED

    def _current(self) -> "_Compiled | None":
        # One value, replaced as a whole and only trusted for the secrets it was made of: threads add and
        # read at once.
        compiled = self._compiled
        if self._labels and (compiled is None or compiled.size != len(self._labels)):
            compiled = self._compiled = _compiled(list(self._labels.items()))
        return compiled

    def _piece(self, compiled: "_Compiled", text: str) -> str:
        parts: list[str] = []
        done = 0
        for match in compiled.pattern.finditer(text):
            start, end = match.span()
            if compiled.groups[(match.lastindex or 1) - 1][1]:
                start, end = _widened(text, start, end, done)
            if start > done or not parts:
                parts += (text[done:start], REDACTED)
            done = max(done, end)  # one that begins inside the widening before it only lengthens it
        parts.append(text[done:])
        return "".join(parts)


class NumberingRedactor(Redactor):
    """Tells values that only their name gives away apart: `[redacted].1.`, `[redacted].2.` by value.

    A page's token is often called `token`. In a recording the link to a page and the request for it must still be the
    same, and those of two pages not. Values that the run knows as its secrets stay plain `[redacted]`.
    """

    def __init__(self, redactor: Redactor) -> None:
        super().__init__()
        self._labels = redactor._labels
        self._numbers: dict[str, int] = {}

    def _named(self, value: str) -> str:
        if _PLACEHOLDER.fullmatch(value):
            return value
        if self.text(value) != value:
            return REDACTED
        return f"{REDACTED}.{self._numbers.setdefault(value, len(self._numbers) + 1)}."


@dataclass(frozen=True, slots=True)
class _Compiled:
    """One pattern for `size` secrets; per group the label and whether the form is packed."""

    pattern: re.Pattern[str]
    groups: list[tuple[str, bool]]
    size: int


def _compiled(labels: list[tuple[str, str]]) -> _Compiled:
    # The longest first: a secret that begins with another must not be left in half.
    ordered = sorted(labels, key=lambda pair: len(pair[0]), reverse=True)
    forms = [(_direct(value), (label, False)) for value, label in ordered]
    forms += [(form, (label, True)) for value, label in ordered for form in _packed(value)]
    groups: list[tuple[str, bool]] = []
    return _Compiled(re.compile(_alternation(forms, groups)), groups, len(labels))


def _alternation(forms: list[tuple[str, tuple[str, bool]]], groups: list[tuple[str, bool]], depth: int = 0) -> str:
    """One pattern of all forms, branching on their beginnings; an empty group at its end tells the form.

    Bare first characters let `re` skip to candidates, and keep many secrets as cheap as few. `groups` gets
    what each group stands for.
    """
    branches: dict[str, list[tuple[str, tuple[str, bool]]]] = {}
    for pattern, meaning in forms:
        bare = depth < 3 and pattern[:1].isascii() and pattern[:1].isalnum()
        branches.setdefault(pattern[0] if bare else f"={pattern}", []).append((pattern, meaning))
    parts: list[str] = []
    for first, members in branches.items():
        if len(members) > 1 and len(first) == 1:
            rest = [(pattern[1:], meaning) for pattern, meaning in members]
            parts.append(f"{first}(?:{_alternation(rest, groups, depth + 1)})")
        else:
            groups.append(members[0][1])
            parts.append(f"{members[0][0]}()")
    return "|".join(parts)


def _widened(text: str, start: int, end: int, floor: int) -> tuple[int, int]:
    """A base64 match with the character before it, which holds bits of the secret, and the rest of its run.

    The rest tells the secret's length, and would differ for another secret when a recording is replayed.
    """
    if start > floor and _BASE64_CHARACTER.match(text, start - 1):
        start -= 1
    tail = _BASE64_TAIL.match(text, end)
    return start, tail.end() if tail else end


def _direct(value: str) -> str:
    """A pattern for the value plain, percent-encoded, form-encoded and JSON-escaped, in any mixture."""
    parts: list[str] = []
    at = 0
    while at < len(value):
        if value[at] == "\\":  # a run at once, or its escapes could be divided in exponentially many ways
            run = len(value[at:]) - len(value[at:].lstrip("\\"))
            parts.append(rf"(?:\\{{{run},{4 * run}}}|(?:%(?:25){{0,2}}5[Cc]|\\{{1,2}}u005[cC]){{{run}}})")
            at += run
            continue
        parts.append(_character(value[at]))
        at += 1
    return "".join(parts)


def _character(character: str) -> str:
    if character.isascii() and character.isalnum():
        return character
    hexes = [f"{byte:02x}" for byte in character.encode("utf-8", "surrogatepass")]
    percent = "".join(f"%(?:25){{0,2}}{_either_case(pair)}" for pair in hexes)
    units = character.encode("utf-16-be", "surrogatepass").hex()
    escaped = "".join(rf"\\{{1,2}}u{_either_case(units[i : i + 4])}" for i in range(0, len(units), 4))
    forms = [re.escape(character), percent, escaped]
    if 127 < ord(character) < 256:
        forms.append(f"%(?:25){{0,2}}{_either_case(f'{ord(character):02x}')}")
    short = {"\n": "n", "\r": "r", "\t": "t", "\b": "b", "\f": "f"}.get(character)
    if short:
        forms.append(rf"\\{{1,2}}{short}")
    elif character in "\"/'":
        forms.append(rf"\\{{1,3}}{character}")
    elif character == " ":
        forms.append(r"\+")
    elif character == "&":
        forms.append("&amp;")
    return f"(?:{'|'.join(forms)})"


def _either_case(digits: str) -> str:
    return "".join(f"[{d}{d.upper()}]" if d.isalpha() else d for d in digits)


def _packed(value: str) -> list[str]:
    """Patterns for the value inside base64 (either alphabet, any alignment) or as hexadecimal."""
    spelled = {value.encode("utf-8", "surrogatepass")}
    spelled.add(json.dumps(value)[1:-1].encode())
    spelled.add(json.dumps(value, ensure_ascii=False)[1:-1].encode("utf-8", "surrogatepass"))
    spelled.add(quote(value.encode("utf-8", "surrogatepass"), safe="").encode())
    if all(ord(character) < 256 for character in value):
        spelled.add(value.encode("latin-1"))
    forms: set[str] = set()
    for raw in spelled:
        forms.update({raw.hex(), raw.hex().upper()})
        for offset in range(3):
            forms.add(_core(raw, offset))
    forms.discard("")
    return sorted(forms, key=lambda form: (-len(form), form))


def _core(raw: bytes, offset: int) -> str:
    """The base64 characters that only depend on `raw` when `offset` bytes (modulo 3) stand before it."""
    text = base64.b64encode(b"\0" * offset + raw + b"\0\0").decode()
    first = -(-offset * 8 // 6)
    last = (offset + len(raw)) * 8 // 6
    if last - first < 4:
        return ""
    special = {"+": r"(?:[+\-]|%2[Bb])", "/": r"(?:[/_]|%2[Ff]|\\{1,2}/)"}
    return "".join(special.get(character, character) for character in text[first:last])
