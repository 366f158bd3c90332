"""What a connector says of the deliveries that come to it: how they are proved, which ask for an answer of their own,
whose they are, and which events they hold.

How each is done is elsewhere: proving in the ways beside this, the rest in the runtime.
"""

from typing import Annotated, Any, TypeAlias

from msgspec import Meta, field

import conn_engine.webhooks as webhooks  # noqa: PLR0402 - the package is still being read: its names come later
from conn_engine.auth.secret_request import SecretRequest
from conn_engine.listing.flows import Step
from conn_engine.roles import HOST, SECRETS, expression_over, inner_over, reserve, template_over
from conn_engine.settings import Settings

__all__ = ["Challenge", "Reply", "Routing", "Subscription", "VendorEvents", "Webhooks"]

Expression: TypeAlias = str  # JSONata
Word: TypeAlias = Annotated[str, Meta(pattern=r"^[A-Za-z_][A-Za-z0-9_-]*$", max_length=100)]

_SEEN = "the delivery (`method`, `url`, `host`, `path`, `target`, `query`, `headers`, `text`, `body`), `claims`"


class Reply(Settings, frozen=True, kw_only=True):
    """An HTTP answer."""

    status: Annotated[int, Meta(ge=200, le=299, description="Status.")] = 200
    headers: Annotated[
        dict[str, str],
        Meta(
            description="Headers; templates. Without a content-type it is JSON for data, else text.",
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
    """A delivery that tells of nothing but wants an answer, by which the vendor sees that the address is ours.

    Expressions see the delivery, the stored credential's keys, `env` and `context`.
    """

    when: Annotated[Expression, Meta(description="Condition by which it is known.", extra=expression_over("delivery"))]
    verified: Annotated[
        bool,
        Meta(
            description="Whether it is proved first, as other deliveries are. Default true: only a vendor that cannot "
            "prove it yet is believed without."
        ),
    ] = True
    require: Annotated[
        Expression | None,
        Meta(
            description="Condition without which it is refused (403), such as `query.token = verify_token`.",
            extra=expression_over("delivery"),
        ),
    ] = None
    capture: Annotated[
        dict[Word, Expression],
        Meta(
            description="What the vendor hands over for later, such as a secret: its name in the credential, and where "
            "it stands. Kept when the account has none by that name yet, or is about to be given one.",
            extra=expression_over("delivery"),
        ),
    ] = field(default_factory=dict)
    request: Annotated[
        SecretRequest | None,
        Meta(
            description="A request by which it is answered besides. It may go to the hosts of `hosts` alone.",
            extra=inner_over("delivery_request"),
        ),
    ] = None
    hosts: Annotated[
        tuple[str, ...],
        Meta(description="Patterns of the hosts that `request` may go to. Default: the connector's.", extra=HOST),
    ] = ()
    reply: Annotated[Reply, Meta(description="The answer. Default: 200, empty.")] = Reply()


class Routing(Settings, frozen=True, kw_only=True):
    """Which account an event is for, when the address of the delivery does not say."""

    value: Annotated[
        Expression,
        Meta(
            description=f"Expression over `item`, one of `each`, and {_SEEN}: `item.portalId`.",
            extra=expression_over("delivered_event"),
        ),
    ]
    context: Annotated[Word, Meta(description="The name in the accounts' context that has the same value.")]


class VendorEvents(Settings, frozen=True, kw_only=True):
    """The events of a delivery, in the vendor's own terms. Expressions see `item`, one of `each`, besides
    the delivery, `claims` and `context`."""

    each: Annotated[
        Expression,
        Meta(
            description="Expression for what each event is made of; a list is several, none is none. Default: body.",
            extra=expression_over("delivered_events"),
        ),
    ] = "body"
    type: Annotated[
        Expression,
        Meta(
            description="Its type, as the vendor calls it; a list is joined by a dot.",
            extra=expression_over("delivered_event"),
        ),
    ]
    id: Annotated[
        Expression | None,
        Meta(
            description="What the vendor knows it by, the same when it is delivered again. Default: what it says.",
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
            description="The vendor's record in it, as its operations would give it. Default: none.",
            extra=expression_over("delivered_event"),
        ),
    ] = None
    record_id: Annotated[
        Expression | None,
        Meta(description="The id of the record that it is about.", extra=expression_over("delivered_event")),
    ] = None


class Subscription(Settings, frozen=True, kw_only=True):
    """How the vendor is told where deliveries are to come, is asked to go on, and told to stop.

    Steps are written as those of `connect`. They see `url`, the address that the vendor is to call, `context`, which
    has what was kept of the subscription as `context.subscription`, and `subscription.<name>`, the results of the steps
    before them. Those of `create` also see `new_secret`, a random one, for vendors that take ours.
    """

    create: Annotated[
        tuple[Step, ...],
        Meta(
            min_length=1,
            description="Steps that subscribe. What a step's `transform` finds is kept with the account, by its name: "
            "`{{context.subscription.hook.id}}` afterwards.",
            extra=reserve(inner_over("subscription_creation")),
        ),
    ]
    capture: Annotated[
        dict[Word, Expression],
        Meta(
            description="Secrets for the credential: by name where they stand, over `subscription`, `response` "
            "(the last step's answer) and `new_secret`.",
            extra=reserve(expression_over("subscription_secrets")),
        ),
    ] = field(default_factory=dict)
    expires: Annotated[
        Expression | None,
        Meta(
            description="When it ends: an expression over `subscription` and `response`, the last step's answer, for a "
            "moment in ISO 8601 or seconds or milliseconds since 1970. Default: it does not end.",
            extra=expression_over("subscription_answer"),
        ),
    ] = None
    renew: Annotated[
        tuple[Step, ...],
        Meta(
            description="Steps that make it last longer. Default: it is deleted and created anew.",
            extra=inner_over("subscription"),
        ),
    ] = ()
    renew_before_seconds: Annotated[
        float, Meta(gt=0, description="How long before its end it is to be renewed. Default a day.")
    ] = 86_400.0
    delete: Annotated[tuple[Step, ...], Meta(description="Steps that end it.", extra=inner_over("subscription"))] = ()


class Webhooks(Settings, frozen=True, kw_only=True):
    """What comes to us: deliveries, by which the vendor tells of events."""

    verify: Annotated[
        "webhooks.Verification", Meta(extra=SECRETS, description="How a delivery is proved to be the vendor's.")
    ]
    challenge: Annotated[
        tuple[Challenge, ...],
        Meta(extra=reserve(SECRETS), description="Deliveries that want an answer of their own; the first that fits."),
    ] = ()
    account: Annotated[Routing | None, Meta(description="Which account an event is for.")] = None
    events: Annotated[VendorEvents | None, Meta(description="The events of a delivery.")] = None
    reply: Annotated[
        Reply, Meta(extra=reserve(SECRETS), description="The answer to what was accepted. Default: 200, empty.")
    ] = Reply()
    subscription: Annotated[
        Subscription | None, Meta(description="How the vendor is told where deliveries are to come.")
    ] = None
