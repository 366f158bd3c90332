"""Redaction of what somebody else recorded: nothing is known of the credentials in it, so names and looks have to tell.

Used for files that are imported. What a connector's own authorization would put where is `recordings.carried`'s.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from functools import cache
from typing import Any

from conn_engine.secrets.names import Place, is_credential_name, is_doubtful_parameter
from conn_engine.secrets.redaction import NumberingRedactor, Redactor, splice
from conn_engine.secrets.search import REDACTED
from conn_engine.secrets.shapes import find_shapes, is_random, locate_shapes

__all__ = ["WaryRedactor"]

# What no text with a named credential is without: most texts are passed over by it.
# fmt: off
_ROOTS = (
    "assertion", "auth", "bearer", "code", "connectionstring", "cookie", "cred", "hash", "hmac", "jwt", "key", "mfa",
    "otp", "pass", "pwd", "saml", "secret", "sess", "sid", "sign", "state", "ticket", "token",
)
# fmt: on
_OPENS = r"\s{0,20}[:=]\s{0,20}(?P<quote>\\{0,3}[\"'])"
# Before a value, by name and place; what the value is made of. A quoted one ends with the quote that it began with.
_NAMED_IN_TEXT: tuple[tuple[Place, str, str], ...] = (
    ("field", rf"(?P<mark>\\{{0,3}}[\"'])(?P<name>[\w.$\[\]-]{{1,80}})(?P=mark){_OPENS}", ""),
    ("field", rf"(?<![\w.$\"'-])(?P<name>[A-Za-z_][\w.-]{{1,80}}){_OPENS}", ""),
    ("field", r"<(?P<name>[\w.:-]{1,100})(?:\s[^<>]{0,1000})?>(?:<!\[CDATA\[)?", r"(?:(?!\]\]>)[^<]){1,8000}"),
    ("parameter", r"(?:^|[?&;\s])(?P<name>[\w.\[\]-]{1,80})=", r"[^&;\s\"'<>]{1,8000}"),
    ("header", r"(?m:^)[ \t]{0,20}(?P<name>[A-Za-z][\w-]{1,80}):[ \t]{0,20}", r"[^\s{\[\"'][^\r\n]{0,8000}"),
)
_PRIVATE_PARTS_OF_A_KEY = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})


class WaryRedactor(NumberingRedactor):
    """Also hides what looks like a credential, and what has a name as credentials have at some vendor, in texts too
    (JSON in JSON, GraphQL, XML, forms, headers of a batch).

    It shares what the redactor knows. `parameters` are names of parameters that are the connector's credential.
    """

    remedy = "remove it from the imported file, and import it again"

    def __init__(self, redactor: Redactor | None = None, parameters: Collection[str] = ()) -> None:
        super().__init__(redactor or Redactor())
        self._parameters = frozenset(name.lower() for name in parameters)

    def is_named(self, name: str, place: Place, value: Any = None) -> bool:
        """Whether the name says that the value is a secret, at whatever vendor."""
        if super().is_named(name, place) or is_credential_name(name, place):
            return True
        if place != "parameter":
            return False
        random = isinstance(value, str) and is_random(value)
        return name.lower() in self._parameters or (random and is_doubtful_parameter(name))

    def form(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        """The fields of a form: what a URL may carry stands in forms too."""
        return self._redact_mapping(fields, "parameter")

    def text(self, text: str) -> str:
        """The text with every known secret replaced, and what is known by its name or its looks."""
        clean = super().text(text)
        lower = clean.lower()
        if any(root in lower for root in _ROOTS):
            for place, before, value in _NAMED_IN_TEXT:
                clean = self._without_named_values(clean, place, before, value)
        return self._without_shapes(clean)

    def find(self, content: bytes | str) -> list[str]:
        """The labels of the known secrets present, and the kinds of those that are known by their looks."""
        text = content.decode("utf-8", "replace") if isinstance(content, bytes) else content
        looks = (label for part in text.split(REDACTED) for label in find_shapes(part))
        return list(dict.fromkeys((*super().find(text), *looks)))

    def _redact_mapping(self, value: Mapping[Any, Any], place: Place) -> dict[Any, Any]:
        hidden = (_PRIVATE_PARTS_OF_A_KEY if "kty" in value else set()) | ({"code"} if "grant_type" in value else set())
        return super()._redact_mapping(value, place) | {
            name: self._blank(value[name]) for name in hidden & value.keys()
        }

    def _without_named_values(self, text: str, place: Place, before: str, value: str) -> str:
        def locate() -> Iterator[tuple[int, int, str]]:
            done = 0
            for match in _compile(before).finditer(text):
                name = match["name"].rpartition(":")[2]
                found = _compile(value or _quote_pattern(match["quote"])).match(text, match.end())
                if match.start() >= done and found is not None and self.is_named(name, place, found[0]):
                    yield *found.span(), self._make_placeholder(found[0])
                    done = found.end()

        return splice(text, locate())

    def _without_shapes(self, text: str) -> str:
        return splice(text, ((*span, self._make_placeholder(text[slice(*span)])) for span in locate_shapes(text)))


def _quote_pattern(quote: str) -> str:
    """What stands between such quotes: one that is escaped more often than they are is inside."""
    mark, depth = quote[-1], len(quote) - 1
    return rf"(?:[^\\{mark}]|\\+[^\\{mark}]|\\{{{depth + 1},}}{mark}){{1,8000}}(?=\\{{{depth}}}{mark})"


@cache
def _compile(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)
