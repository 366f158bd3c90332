"""A secret in the path."""

import re
from typing import Annotated
from urllib.parse import quote

from msgspec import Meta

from conn_engine.auth.credential_document import fill_templates
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
    """`/bot<token>/messages`, for a vendor that accepts its key only in the path: it replaces `{token}` in `path` or
    `base_url`."""

    name: Annotated[
        str,
        Meta(
            description="Placeholder in `path` or `base_url` for the secret, without its braces: `token` for "
            "`{token}`.",
            extra=FIELD,
            pattern="^[A-Za-z_][A-Za-z0-9_]*$",
        ),
    ]
    value: Annotated[str, Meta(description="Template for the secret.", extra=RESERVED)] = "{{api_key}}"

    def apply(self, draft: Draft, scope: Scope) -> None:
        """Replace the placeholder in the path. Raises CredentialError when the account lacks the value, and
        ConfigurationError when the path has no placeholder."""
        text = str(fill_templates(self.value, scope, purpose=f'"{{{self.name}}}" of the path'))
        if text in ("", ".", ".."):
            raise CredentialError(f'"{{{self.name}}}" of the path cannot be "{text}"', hint="log the account in again")
        value = text if _PLAIN.fullmatch(text) else quote(text, safe="")
        mark = f"{{{self.name}}}"
        marks = [mark, f"%7B{self.name}%7D"]
        if draft.absolute:  # a URL from a response that contained the secret
            redacted = _TEMPLATE.sub(REDACTED, self.value)
            marks += [redacted, quote(redacted, safe="%/:=&~+!$,;'@()*-._")]
        places = _before_marks(draft.address or draft.url, mark)
        url = _replace_marks(draft.url, marks, value, places)
        if url == draft.url and not (draft.absolute and _has_value(draft.url, mark, value, places)):
            raise ConfigurationError(
                f"the path has no placeholder {{{self.name}}} for the credential",
                hint=f"add it to `path` or `base_url` in single braces: /{{{self.name}}}/…",
            )
        draft.url, draft.base = url, _replace_marks(draft.base, marks, value, places)
        draft.address = _replace_marks(draft.address, [mark], value, places)
        draft.authorized = True

    def places(self) -> list[CredentialPlace]:
        """Return where a request has the credential."""
        return [CredentialPlace("path", self.name, self.value)]


def _before_marks(url: str, mark: str) -> frozenset[str]:
    """Return what comes before each placeholder in the operation's path."""
    match = _PARTS.fullmatch(url)
    pieces = match[2].split(mark) if match is not None else []
    return frozenset(mark.join(pieces[:count]) for count in range(1, len(pieces)))


def _has_value(url: str, mark: str, value: str, places: frozenset[str]) -> bool:
    """Return whether a URL from a response has the value where the operation has its placeholder. Responses are not
    redacted for a value that only identifies the account."""
    match = _PARTS.fullmatch(url)
    path = match[2] if match is not None else ""
    ends = (
        path.removeprefix(start) for place in places if path.startswith(start := place.replace(mark, value) + value)
    )
    return any(not end[:1].isalnum() for end in ends)


def _replace_marks(url: str, marks: list[str], value: str, places: frozenset[str]) -> str:
    """Return the URL with the value in place of each mark, if the operation has a placeholder at the same position of
    its path. A response or a page cannot move the secret elsewhere: any other mark is left as text."""
    parts = _PARTS.fullmatch(url)
    if parts is None:
        return url
    host, path, rest = parts.groups()
    replaced, done, before = "", 0, ""
    for match in re.finditer("|".join(map(re.escape, marks)), path):
        piece = path[done : match.start()]
        before += piece
        replaced += piece + (value if before in places else match[0])
        before, done = before + marks[0], match.end()
    return host + replaced + path[done:] + rest
