"""How people log in to the portal of a service."""

from typing import Annotated, Literal

from msgspec import Meta

from conn_engine.roles import TEXT
from conn_engine.settings import Settings

__all__ = ["PortalLoginSettings"]

_Role = Literal["viewer", "editor", "releaser"]


class PortalLoginSettings(Settings, frozen=True, kw_only=True):
    """A log-in to the portal with OpenID Connect. The client's secret is in the variable CONN_PORTAL_CLIENT_SECRET."""

    issuer: Annotated[
        str,
        Meta(
            description="URL of the provider, as its discovery document has it. An internal host must also be in "
            "`trusted_hosts`.",
            pattern="^https?://[^ ?#]+$",
            max_length=500,
            extra=TEXT,
        ),
    ]
    client_id: Annotated[
        str,
        Meta(
            description="ID of the client registered with the provider. Its redirect URL is that of the service "
            "with /portal/login/callback.",
            min_length=1,
            max_length=500,
            extra=TEXT,
        ),
    ]
    name: Annotated[
        str, Meta(description="Name of the provider on the button.", min_length=1, max_length=60, extra=TEXT)
    ] = "single sign-on"
    scopes: Annotated[
        tuple[Annotated[str, Meta(pattern="^[!#-\\[\\]-~]{1,200}$")], ...],
        Meta(description="Scopes to ask for in addition to openid."),
    ] = ("email",)
    role_claim: Annotated[
        str,
        Meta(
            description="Claim that decides the role: a text or a list, such as `groups`, or a path, such as "
            "`realm_access.roles`. It is looked for in the ID token, and then in the user information.",
            min_length=1,
            max_length=200,
            extra=TEXT,
        ),
    ] = "groups"
    roles: Annotated[
        dict[_Role, tuple[Annotated[str, Meta(min_length=1, max_length=300)], ...]],
        Meta(
            description="Values of the claim by role; `*` is everybody who can log in. A person with several roles has "
            "the one that may do most, and a person without one cannot log in.",
            min_length=1,
        ),
    ]
