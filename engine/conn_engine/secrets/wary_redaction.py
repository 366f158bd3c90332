"""Redact files that others have recorded. Their credentials are unknown, so names and forms of values decide.

It is used for imported files. `recordings.carried` knows the places that a connector's own authorization uses.
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

# Every text with a named credential contains one of these, so most strings are skipped quickly.
# fmt: off
_ROOTS = (
    "assertion", "auth", "bearer", "code", "connectionstring", "cookie", "cred", "hash", "hmac", "jwt", "key", "mfa",
    "otp", "pass", "pwd", "saml", "secret", "sess", "sid", "sign", "state", "ticket", "token",
)
# fmt: on
_OPENS = r"\s{0,20}[:=]\s{0,20}(?P<quote>\\{0,3}[\"'])"
# The text before a value, by name and place, and the characters of the value. A quoted value ends with its first quote.
_NAMED_IN_TEXT: tuple[tuple[Place, str, str], ...] = (
    ("field", rf"(?P<mark>\\{{0,3}}[\"'])(?P<name>[\w.$\[\]-]{{1,80}})(?P=mark){_OPENS}", ""),
    ("field", rf"(?<![\w.$\"'-])(?P<name>[A-Za-z_][\w.-]{{1,80}}){_OPENS}", ""),
    ("field", r"<(?P<name>[\w.:-]{1,100})(?:\s[^<>]{0,1000})?>(?:<!\[CDATA\[)?", r"(?:(?!\]\]>)[^<]){1,8000}"),
    ("parameter", r"(?:^|[?&;\s])(?P<name>[\w.\[\]-]{1,80})=", r"[^&;\s\"'<>]{1,8000}"),
    ("header", r"(?m:^)[ \t]{0,20}(?P<name>[A-Za-z][\w-]{1,80}):[ \t]{0,20}", r"[^\s{\[\"'][^\r\n]{0,8000}"),
)
_PRIVATE_PARTS_OF_A_KEY = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})


class WaryRedactor(NumberingRedactor):
    """Also redacts values that look like credentials, and values with names that are credentials for some vendor, in
    strings too (JSON in JSON, GraphQL, XML, forms, headers of a batch).

    It shares the secrets of the redactor. `parameters` are names of parameters with the connector's credential.
    """

    remedy = "remove it from the imported file, and import it again"

    def __init__(self, redactor: Redactor | None = None, parameters: Collection[str] = ()) -> None:
        super().__init__(redactor or Redactor())
        self._parameters = frozenset(name.lower() for name in parameters)

    def is_named(self, name: str, place: Place, value: Any = None) -> bool:
        """Return whether values with this name are secrets for any vendor."""
        if super().is_named(name, place) or is_credential_name(name, place):
            return True
        if place != "parameter":
            return False
        random = isinstance(value, str) and is_random(value)
        return name.lower() in self._parameters or (random and is_doubtful_parameter(name))

    def form(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        """Redact the fields of a form, which may have the same parameters as a URL."""
        return self._redact_mapping(fields, "parameter")

    def text(self, text: str) -> str:
        """Return the text with known secrets, and values that are credentials by name or form, replaced."""
        clean = super().text(text)
        lower = clean.lower()
        if any(root in lower for root in _ROOTS):
            for place, before, value in _NAMED_IN_TEXT:
                clean = self._without_named_values(clean, place, before, value)
        return self._without_shapes(clean)

    def find(self, content: bytes | str) -> list[str]:
        """Return the labels of the known secrets in the text, and the kinds of credentials found by their form."""
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
                value_match = _compile(value or _quote_pattern(match["quote"])).match(text, match.end())
                if match.start() >= done and value_match is not None and self.is_named(name, place, value_match[0]):
                    yield *value_match.span(), self._make_placeholder(value_match[0])
                    done = value_match.end()

        return splice(text, locate())

    def _without_shapes(self, text: str) -> str:
        return splice(text, ((*span, self._make_placeholder(text[slice(*span)])) for span in locate_shapes(text)))


def _quote_pattern(quote: str) -> str:
    """Return a pattern for the text between such quotes. A quote with more escapes is a part of the text."""
    mark, depth = quote[-1], len(quote) - 1
    return rf"(?:[^\\{mark}]|\\+[^\\{mark}]|\\{{{depth + 1},}}{mark}){{1,8000}}(?=\\{{{depth}}}{mark})"


@cache
def _compile(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)
