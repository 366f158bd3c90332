"""What a person may do in the portal."""

from collections.abc import Sequence
from typing import Final, Literal, get_args

from conn_service.http.tokens import ApiToken, TokenScope
from conn_service.studio.hosting import StudioUser

__all__ = ["ROLES", "PortalRole", "build_user", "find_highest_role", "find_token_role", "includes_role"]

PortalRole = Literal["viewer", "editor", "releaser"]
ROLES: Final[tuple[PortalRole, ...]] = get_args(PortalRole)
"""From the one that may do least. Each may do what those before it may."""
_SCOPES: Final[tuple[tuple[TokenScope, PortalRole], ...]] = (
    ("admin", "releaser"),
    ("portal:release", "releaser"),
    ("portal:edit", "editor"),
    ("portal:view", "viewer"),
)


def includes_role(role: PortalRole, needed: PortalRole) -> bool:
    """Return whether a role may do what another one may."""
    return ROLES.index(role) >= ROLES.index(needed)


def find_highest_role(roles: Sequence[PortalRole]) -> PortalRole | None:
    """Return the role that may do most; None without one."""
    return max(roles, key=ROLES.index, default=None)


def find_token_role(token: ApiToken) -> PortalRole | None:
    """Return the role of somebody with a token. None for one without a scope for it, and for one of a tenant or of some
    accounts: the portal shows what all of them share."""
    if token.tenant or token.accounts:
        return None
    return next((role for scope, role in _SCOPES if scope in token.scopes), None)


def build_user(actor: str, role: PortalRole) -> StudioUser:
    """Return the person that acts in the studio's pages."""
    refusal = f"your role is {role}"
    return StudioUser(
        actor=actor,
        edit_refusal="" if includes_role(role, "editor") else refusal,
        release_refusal="" if includes_role(role, "releaser") else refusal,
        fix="ask an administrator of this portal for another role",
    )
