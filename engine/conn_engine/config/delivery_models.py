"""Where events are delivered, as typed models: endpoints, and where they put data that is large."""

from typing import Annotated

from msgspec import Meta

from conn_engine.roles import PLAIN, REMARK, SECRET
from conn_engine.settings import Settings

__all__ = ["ENDPOINT_HOST", "LONGEST_VALIDITY", "AccountEndpoint", "ClaimCheck", "SyncEndpoint"]

LONGEST_VALIDITY = "P7D"
"""A signature of object storage is valid for this long at most."""

ENDPOINT_HOST = r"^((https?://)?([A-Za-z0-9._*-]+|\[[0-9A-Fa-f:.*]+\])(:([0-9]{1,5}|\*))?/?)$"
"""A host pattern as the gateway reads it; `*` alone is every public host."""

_Text = Annotated[str, Meta(max_length=200)]
_Address = Annotated[str, Meta(max_length=2000)]
_EndpointUrl = Annotated[str, Meta(pattern=r"^(https?://|\{\{)\S", max_length=2000)]
_PlainUrl = Annotated[str, Meta(pattern=r"^https?://[^\s{}]+$", max_length=2000)]
_EventFilters = Annotated[
    tuple[Annotated[str, Meta(pattern=r"^\S+$", max_length=200)], ...],
    Meta(
        description="Types of the events to deliver: complete names, or patterns such as `contact.*`. Default: all "
        "that a sync delivers to it, and none of the others.",
        extra=PLAIN,
    ),
]
_EnvironmentSecret = Annotated[str, Meta(pattern=r"^\{\{\s*env\.[A-Za-z_][A-Za-z0-9_]*\s*\}\}$", max_length=220)]
_Bytes = Annotated[int, Meta(ge=0, le=10**9)]


class ClaimCheck(Settings, frozen=True, kw_only=True):
    """Puts the data of large events into a folder or into object storage. The event then has a reference to it."""

    above: Annotated[_Bytes, Meta(description="Size in bytes of the largest body that is sent with its data.")] = (
        262_144
    )
    store: Annotated[
        _Address,
        Meta(
            description="Where the data goes: a folder relative to the workspace, or a URL of object storage, such as "
            "`s3://bucket/events`, `gs://…` or `az://…`. Credentials come from the usual environment variables of the "
            "storage.",
            extra=PLAIN,
        ),
    ] = ".conn/claims"
    expires: Annotated[
        _Text,
        Meta(
            description="How long the data can be fetched after each attempt to deliver the event, as ISO 8601 "
            "duration of at most P7D. Does not apply to a folder."
        ),
    ] = "P1D"


class SyncEndpoint(Settings, frozen=True, kw_only=True):
    """Where events are delivered, and the secret that signs them."""

    url: Annotated[
        _EndpointUrl,
        Meta(
            description="URL that receives events. Template over `env`.",
            extra={"role": "template"},
        ),
    ]
    secret: Annotated[
        str | None,
        Meta(
            description='Signs the events (Standard Webhooks), such as "{{env.WEBHOOK_SECRET}}": `whsec_…` with '
            "HMAC-SHA256, a private key `whsk_…` with Ed25519.",
            extra=SECRET,
        ),
    ] = None
    previous_secret: Annotated[
        str | None,
        Meta(
            description="Signs the events too, while receivers change from the previous secret to the new one: each "
            "event then has both signatures.",
            extra=SECRET,
        ),
    ] = None
    events: _EventFilters = ()
    claim_check: Annotated[
        ClaimCheck | None,
        Meta(description="Sends a reference instead of the data of a large event. Default: events have their data."),
    ] = None
    description: Annotated[str | None, Meta(description="Whose endpoint it is.", extra=REMARK)] = None


class AccountEndpoint(Settings, frozen=True, kw_only=True):
    """An endpoint of one account. It reads less than those of conn.yaml, because a customer may have written it."""

    url: Annotated[
        _PlainUrl,
        Meta(description="URL that receives events, on a host that `endpoint_hosts` of conn.yaml allows.", extra=PLAIN),
    ]
    secret: Annotated[
        _EnvironmentSecret | None,
        Meta(
            description='Signs the events (Standard Webhooks): one environment variable, such as "{{env.ACME_HOOK}}", '
            "which conn.yaml lists under `endpoint_secrets`.",
            extra=SECRET,
        ),
    ] = None
    previous_secret: Annotated[
        _EnvironmentSecret | None,
        Meta(
            description="Signs the events too, while receivers change from the previous secret to the new one: each "
            "event then has both signatures.",
            extra=SECRET,
        ),
    ] = None
    events: _EventFilters = ()
    description: Annotated[str | None, Meta(description="Whose endpoint it is.", extra=REMARK)] = None
