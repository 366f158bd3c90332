"""A secret in a field of the request's body."""

from typing import Annotated, Any

from msgspec import UNSET, Meta

from conn_engine.auth.omission import filled_in_part
from conn_engine.errors import ConfigurationError
from conn_engine.roles import FIELD, TEMPLATE
from conn_engine.secrets.credential_places import CredentialPlace
from conn_engine.settings import Draft, Scope, Settings

__all__ = ["Body", "with_field"]


class Body(Settings, frozen=True, kw_only=True, tag_field="format", tag="body"):
    """`{"api_key": <key>, …}`, for requests that have a body."""

    field: Annotated[
        str,
        Meta(
            description="Name of the field; of one inside another, with dots (`auth.api_key`).",
            extra=FIELD,
            min_length=1,
        ),
    ]
    value: Annotated[str, Meta(description="Template for its value.", extra=TEMPLATE)] = "{{api_key}}"

    def apply(self, draft: Draft, scope: Scope) -> None:
        """Put the value into the body, if the account has not left it out. Raises CredentialError when it lacks it,
        ConfigurationError when the request has no body that could carry it."""
        value = filled_in_part(self.value, scope, draft.absent, purpose=f'the body\'s "{self.field}"')
        if value is UNSET:
            return
        draft.body = with_field(draft, tuple(self.field.split(".")), value)
        draft.authorized = True

    def places(self) -> list[CredentialPlace]:
        """Where the credential stands in a request."""
        return [CredentialPlace("field", self.field, self.value)]


def with_field(draft: Draft, path: tuple[str, ...], value: Any) -> dict[str, Any]:
    """A copy of the draft's body with one field set; the caller's own body is not changed."""
    if draft.method in ("GET", "HEAD"):
        raise ConfigurationError(
            f"a {draft.method} request has no body to carry its authorization",
            hint="say another `authorization` on this operation, such as query or header",
        )
    made = _set_at_path(draft.body, path, value)
    if made is None:
        raise ConfigurationError(
            f"the body has no object to hold its authorization under {'.'.join(path)}",
            hint="the body, and what is above the field, must be objects",
        )
    return made


def _set_at_path(body: Any, path: tuple[str, ...], value: Any) -> dict[str, Any] | None:
    if body is not None and not isinstance(body, dict):
        return None
    node = dict(body or {})
    if len(path) == 1:
        node[path[0]] = value
        return node
    below = _set_at_path(node.get(path[0]), path[1:], value)
    if below is None:
        return None
    node[path[0]] = below
    return node
