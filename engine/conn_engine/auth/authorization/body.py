"""A secret in a field of the request's body."""

from typing import Annotated, Any

from msgspec import UNSET, Meta

from conn_engine.auth.absent_parts import fill_present_parts
from conn_engine.errors import ConfigurationError
from conn_engine.roles import FIELD, TEMPLATE
from conn_engine.secrets.credential_places import CredentialPlace
from conn_engine.settings import Draft, Scope, Settings

__all__ = ["Body", "set_body_field"]


class Body(Settings, frozen=True, kw_only=True, tag_field="format", tag="body"):
    """`{"api_key": <key>, …}`, for requests that have a body."""

    field: Annotated[
        str,
        Meta(
            description="Name of the field. Use dots for a nested field (`auth.api_key`).",
            extra=FIELD,
            min_length=1,
        ),
    ]
    value: Annotated[str, Meta(description="Template for the field's value.", extra=TEMPLATE)] = "{{api_key}}"

    def apply(self, draft: Draft, scope: Scope) -> None:
        """Set the field unless the account has left the optional part out. Raises CredentialError when a required part
        is missing, and ConfigurationError when the request has no suitable body."""
        value = fill_present_parts(self.value, scope, draft.absent, purpose=f'the body\'s "{self.field}"')
        if value is UNSET:
            return
        draft.body = set_body_field(draft, tuple(self.field.split(".")), value)
        draft.authorized = True

    def places(self) -> list[CredentialPlace]:
        """Return where a request has the credential."""
        return [CredentialPlace("field", self.field, self.value)]


def set_body_field(draft: Draft, path: tuple[str, ...], value: Any) -> dict[str, Any]:
    """Return a copy of the draft's body with one field set. The caller's body is not changed."""
    if draft.method in ("GET", "HEAD"):
        raise ConfigurationError(
            f"a {draft.method} request has no body, so its authorization cannot be added to it",
            hint="set another `authorization` for this operation, such as query or header",
        )
    body = _set_at_path(draft.body, path, value)
    if body is None:
        raise ConfigurationError(
            f"the body's {'.'.join(path)} cannot be set: the body is not an object, or part of the path is not",
            hint="send an object as the body, with objects at each step of the path",
        )
    return body


def _set_at_path(body: Any, path: tuple[str, ...], value: Any) -> dict[str, Any] | None:
    if body is not None and not isinstance(body, dict):
        return None
    node = dict(body or {})
    if len(path) == 1:
        node[path[0]] = value
        return node
    nested = _set_at_path(node.get(path[0]), path[1:], value)
    if nested is None:
        return None
    node[path[0]] = nested
    return node
