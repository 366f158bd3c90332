"""The `webhooks` settings of a connector: how deliveries are verified, which need a special reply, which account they
are for, and which events they contain.

The verifiers of this package and the runtime use them.
"""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, TypeAlias

from msgspec import Meta, field

import conn_engine.webhooks as webhooks  # noqa: PLR0402 - the package is still being read: its names come later
from conn_engine.auth.secret_request import SecretRequest
from conn_engine.listing.flows import Step
from conn_engine.roles import HOST, SECRETS, expression_over, inner_over, reserve, template_over
from conn_engine.settings import Settings

__all__ = ["Challenge", "Reply", "Routing", "Subscription", "VendorEvents", "Webhooks"]

Expression: TypeAlias = str  # JSONata
Word: TypeAlias = Annotated[str, Meta(pattern=r"^[A-Za-z_][A-Za-z0-9_-]*$", max_length=100)]


class Reply(Settings, frozen=True, kw_only=True):
    """An HTTP response."""

    status: Annotated[int, Meta(ge=200, le=299, description="Status.")] = 200
    headers: Annotated[
        dict[str, str],
        Meta(
            description="Headers. The default content type is JSON for data, and text otherwise.",
            extra=template_over("delivery"),
        ),
    ] = field(default_factory=dict)
    body: Annotated[
        Any,
        Meta(
            description="Body: a template, or data whose strings are templates. Default: empty.",
            extra=template_over("delivery"),
        ),
    ] = None


class Challenge(Settings, frozen=True, kw_only=True):
    """A delivery without events that needs a reply, by which the vendor verifies the address.

    Expressions see the delivery, the stored credential's keys, `env` and `context`.
    """

    aliases: ClassVar[Mapping[str, str]] = {"require": "expect"}

    when: Annotated[Expression, Meta(description="Condition that identifies it.", extra=expression_over("delivery"))]
    verified: Annotated[
        bool,
        Meta(
            description="Whether it is verified first, like other deliveries. Set false only if the "
            "vendor cannot "
            "sign it yet."
        ),
    ] = True
    expect: Annotated[
        Expression | None,
        Meta(
            description="Condition that must be met, such as `query.token = verify_token`. Otherwise it is refused "
            "(403).",
            extra=expression_over("delivery"),
        ),
    ] = None
    capture: Annotated[
        dict[Word, Expression],
        Meta(
            description="Values that the vendor sends, such as a secret, by their names in the credential. A value is "
            "stored if the account does not have that name yet, or expects a new one.",
            extra=expression_over("delivery"),
        ),
    ] = field(default_factory=dict)
    request: Annotated[
        SecretRequest | None,
        Meta(
            description="A request that is sent in addition to the reply, only to the hosts in `hosts`.",
            extra=inner_over("delivery_request"),
        ),
    ] = None
    hosts: Annotated[
        tuple[str, ...],
        Meta(description="Patterns of the allowed hosts of `request`. Default: the connector's hosts.", extra=HOST),
    ] = ()
    reply: Annotated[Reply, Meta(description="The reply. Default: 200, empty.")] = Reply()


class Routing(Settings, frozen=True, kw_only=True):
    """The account of an event, if the delivery's address does not determine it."""

    value: Annotated[
        Expression,
        Meta(
            description="The value, such as `item.portalId`; `item` is one of `each`.",
            extra=expression_over("delivered_event"),
        ),
    ]
    context: Annotated[Word, Meta(description="Name in the accounts' context with the same value.")]


class VendorEvents(Settings, frozen=True, kw_only=True):
    """The events of a delivery, in the vendor's terms. Expressions see `item` (one of `each`), the delivery, `claims`
    and `context`."""

    each: Annotated[
        Expression,
        Meta(
            description="The events. A list has several; nothing means no events.",
            extra=expression_over("delivered_events"),
        ),
    ] = "body"
    type: Annotated[
        Expression,
        Meta(
            description="The vendor's event type. A list is joined with dots.",
            extra=expression_over("delivered_event"),
        ),
    ]
    id: Annotated[
        Expression | None,
        Meta(
            description="The vendor's ID, which is the same if the event is delivered again. Default: a hash of its "
            "content.",
            extra=expression_over("delivered_event"),
        ),
    ] = None
    occurred_at: Annotated[
        Expression | None,
        Meta(
            description="When it happened: ISO 8601, or seconds or milliseconds since 1970. Default: unknown.",
            extra=expression_over("delivered_event"),
        ),
    ] = None
    record: Annotated[
        Expression | None,
        Meta(
            description="The vendor's record in the event, as an operation would return it. Default: none.",
            extra=expression_over("delivered_event"),
        ),
    ] = None
    record_id: Annotated[
        Expression | None,
        Meta(description="The ID of the record that the event is about.", extra=expression_over("delivered_event")),
    ] = None


class Subscription(Settings, frozen=True, kw_only=True):
    """Subscribe to deliveries: create, renew and delete a subscription at the vendor.

    Steps are written like those of `connect`. They see `url` (the address that the vendor should call), `context` (with
    the stored subscription as `context.subscription`), and `subscription.<name>`, the results of the previous steps.
    Those of `create` also see `new_secret`, a random secret for vendors that accept one.
    """

    create: Annotated[
        tuple[Step, ...],
        Meta(
            min_length=1,
            description="Steps that subscribe. The result of a step's `transform` is stored with the account, by "
            "the step's name: "
            "`{{context.subscription.hook.id}}` afterwards.",
            extra=reserve(inner_over("subscription_creation")),
        ),
    ]
    capture: Annotated[
        dict[Word, Expression],
        Meta(
            description="Secrets to store in the credential, by name. `response` is the last step's response.",
            extra=reserve(expression_over("subscription_secrets")),
        ),
    ] = field(default_factory=dict)
    expires: Annotated[
        Expression | None,
        Meta(
            description="When it expires, in ISO 8601, or in seconds or milliseconds since 1970. `response` is the "
            "last step's response. Default: it does not expire.",
            extra=expression_over("subscription_answer"),
        ),
    ] = None
    renew: Annotated[
        tuple[Step, ...],
        Meta(
            description="Steps that renew it. Default: it is deleted and created again.",
            extra=inner_over("subscription"),
        ),
    ] = ()
    renew_before_seconds: Annotated[
        float, Meta(gt=0, description="How many seconds before it expires it is renewed. Default: one day.")
    ] = 86_400.0
    delete: Annotated[
        tuple[Step, ...], Meta(description="Steps that delete it.", extra=inner_over("subscription"))
    ] = ()


class Webhooks(Settings, frozen=True, kw_only=True):
    """Webhook deliveries, by which the vendor reports events."""

    verify: Annotated[
        "webhooks.Verification", Meta(extra=SECRETS, description="How to verify that a delivery is from the vendor.")
    ]
    challenge: Annotated[
        tuple[Challenge, ...],
        Meta(
            extra=reserve(SECRETS),
            description="Deliveries that need a special reply. The first one that matches is used.",
        ),
    ] = ()
    account: Annotated[Routing | None, Meta(description="Which account an event is for.")] = None
    events: Annotated[VendorEvents | None, Meta(description="The events of a delivery.")] = None
    reply: Annotated[
        Reply, Meta(extra=reserve(SECRETS), description="The reply to accepted deliveries. Default: 200, empty.")
    ] = Reply()
    subscription: Annotated[Subscription | None, Meta(description="How to subscribe to deliveries at the vendor.")] = (
        None
    )
