"""Where events are delivered, as typed models: endpoints, and where they put data that is large."""

from typing import Annotated

from msgspec import Meta

from conn_engine.roles import PLAIN, REMARK, SECRET
from conn_engine.settings import Settings

__all__ = ["LONGEST_VALIDITY", "ClaimCheck", "SyncEndpoint"]

LONGEST_VALIDITY = "P7D"
"""A signature of object storage is valid for this long at most."""

_Text = Annotated[str, Meta(max_length=200)]
_Address = Annotated[str, Meta(max_length=2000)]
_EndpointUrl = Annotated[str, Meta(pattern=r"^(https?://|\{\{)\S", max_length=2000)]
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
        Meta(description='Signs the events (Standard Webhooks), such as "{{env.WEBHOOK_SECRET}}".', extra=SECRET),
    ] = None
    events: Annotated[
        tuple[str, ...],
        Meta(description="Types of the events to deliver, such as `contact.*`. Default: all.", extra=PLAIN),
    ] = ()
    claim_check: Annotated[
        ClaimCheck | None,
        Meta(description="Sends a reference instead of the data of a large event. Default: events have their data."),
    ] = None
    description: Annotated[str | None, Meta(description="Whose endpoint it is.", extra=REMARK)] = None
