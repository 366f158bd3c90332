"""A secret in the path."""

import re
from typing import Annotated
from urllib.parse import quote

from msgspec import Meta

from conn_engine.auth.names import fill_templates
from conn_engine.errors import ConfigurationError, CredentialError
from conn_engine.roles import FIELD, RESERVED
from conn_engine.secrets import REDACTED
from conn_engine.secrets.credential_places import CredentialPlace
from conn_engine.settings import Draft, Scope, Settings

__all__ = ["PathAuthorization"]

_PLAIN = re.compile(r"[A-Za-z0-9._~!$&'()*+,;=:@-]+")
_TEMPLATE = re.compile(r"\{\{.*?\}\}", re.DOTALL)
_PARTS = re.compile(r"([^/?#]*//[^/?#]*)([^?#]*)(.*)", re.DOTALL)


class PathAuthorization(Settings, frozen=True, kw_only=True, tag_field="format", tag="path"):
    """`/bot<token>/messages`, for a vendor that takes its key nowhere else: in place of `{token}` in `path` or
    `base_url`."""

    name: Annotated[
        str,
        Meta(
            description="Name that stands in `path` or `base_url` for the secret, in single braces: `{token}`.",
            extra=FIELD,
            pattern="^[A-Za-z_][A-Za-z0-9_]*$",
        ),
    ]
    value: Annotated[str, Meta(description="Template for its value.", extra=RESERVED)] = "{{api_key}}"

    def apply(self, draft: Draft, scope: Scope) -> None:
        """Put the value into the path. Raises CredentialError when the account lacks it, ConfigurationError when the
        path has no place for it."""
        text = str(fill_templates(self.value, scope, purpose=f'"{{{self.name}}}" of the path'))
        if text in ("", ".", ".."):
            raise CredentialError(f'"{{{self.name}}}" of the path cannot be "{text}"', hint="log the account in again")
        value = text if _PLAIN.fullmatch(text) else quote(text, safe="")
        mark = f"{{{self.name}}}"
        marks = [mark, f"%7B{self.name}%7D"]
        if draft.absolute:  # a URL of an answer that had the secret in it
            told = _TEMPLATE.sub(REDACTED, self.value)
            marks += [told, quote(told, safe="%/:=&~+!$,;'@()*-._")]
        places = _before_marks(draft.address or draft.url, mark)
        made = _put(draft.url, marks, value, places)
        if made == draft.url and not (draft.absolute and _holds(draft.url, mark, value, places)):
            raise ConfigurationError(
                f"the path has no {{{self.name}}} for the credential to stand in",
                hint=f"write it into `path` or `base_url` in single braces: /{{{self.name}}}/…",
            )
        draft.url, draft.base = made, _put(draft.base, marks, value, places)
        draft.address = _put(draft.address, [mark], value, places)
        draft.authorized = True

    def places(self) -> list[CredentialPlace]:
        """Where the credential stands in a request."""
        return [CredentialPlace("path", self.name, self.value)]


def _before_marks(url: str, mark: str) -> frozenset[str]:
    """What stands in the path before each place that the operation itself has for the secret."""
    found = _PARTS.fullmatch(url)
    pieces = found[2].split(mark) if found is not None else []
    return frozenset(mark.join(pieces[:count]) for count in range(1, len(pieces)))


def _holds(url: str, mark: str, value: str, places: frozenset[str]) -> bool:
    """Whether a URL of an answer has the value where the operation has a place for it: who somebody is, is no secret
    that answers are cleaned of."""
    found = _PARTS.fullmatch(url)
    path = found[2] if found is not None else ""
    ends = (
        path.removeprefix(start) for place in places if path.startswith(start := place.replace(mark, value) + value)
    )
    return any(not end[:1].isalnum() for end in ends)


def _put(url: str, marks: list[str], value: str, places: frozenset[str]) -> str:
    """The URL with the value in place of each mark that stands in its path where the operation has one. An answer or a
    page cannot make it stand elsewhere: any other mark is a text like any other."""
    found = _PARTS.fullmatch(url)
    if found is None:
        return url
    host, path, rest = found.groups()
    made, done, before = "", 0, ""
    for match in re.finditer("|".join(map(re.escape, marks)), path):
        piece = path[done : match.start()]
        before += piece
        made += piece + (value if before in places else match[0])
        before, done = before + marks[0], match.end()
    return host + made + path[done:] + rest
