"""Report the requests that a run would send, and the results of webhook deliveries."""

from collections.abc import Sequence
from typing import Any, ClassVar, Literal

import msgspec

from conn_engine.reports import Report
from conn_engine.runtime.webhooks import Event, Receipt
from conn_engine.secrets import Redactor
from conn_engine.transport.plan import format_curl
from conn_engine.wire import Headers, Request

__all__ = [
    "DeliveryReport",
    "EventReport",
    "PlanReport",
    "PlannedRead",
    "PlannedRequest",
    "SentReport",
    "SubscriptionChange",
    "SubscriptionsReport",
    "describe_request",
]


class HeaderField(msgspec.Struct, frozen=True, kw_only=True):
    """One header of a request or a response."""

    name: str
    value: str


class PlannedRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A request that was not sent. `body` is null if it has none, and `bytes` is its size. `curl` is the same request
    as a command, with variables in place of secrets."""

    label: str
    purpose: str
    method: str
    url: str
    headers: list[HeaderField]
    body: str | None
    bytes: int
    curl: str


class PlannedRead(msgspec.Struct, frozen=True, kw_only=True):
    """A request that was sent to find the first write."""

    label: str
    method: str
    url: str


class PlanReport(Report, frozen=True, kw_only=True):
    """The request that would be sent: the first write, with the reads sent before it, or else the first request.

    `request` is null if nothing would be sent. `operation` is null for a webhook delivery.
    """

    kind: ClassVar[str] = "plan"
    operation: str | None
    account: str | None
    reads: list[PlannedRead]
    request: PlannedRequest | None


class SentReport(Report, frozen=True, kw_only=True):
    """The response of the receiver that a webhook delivery was sent to."""

    kind: ClassVar[str] = "sent"
    url: str
    status: int
    body: str


class RefusedDelivery(msgspec.Struct, frozen=True, kw_only=True):
    """Why a delivery is not accepted."""

    code: str
    message: str
    fix: str


class DeliveryReply(msgspec.Struct, frozen=True, kw_only=True):
    """The reply to a delivery."""

    status: int
    headers: list[HeaderField]
    body: str


class DeliveredEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One event of a delivery. `data` is the unified record, or the vendor's data; null if the record is deleted."""

    id: str
    type: str
    account: str | None
    connector: str
    occurred_at: str | None
    data: Any
    vendor: dict[str, Any]
    remote_data: Any


class DeliveryReport(Report, frozen=True, kw_only=True):
    """The verdict on one delivery, the reply to it, and its events.

    `verified_by` is the format that verified it (for `public_key`, the kind of key), or null. `captured` names the
    secrets that the vendor sent in it.
    """

    kind: ClassVar[str] = "delivery"
    account: str | None
    connector: str | None
    verified_by: str | None
    refused: RefusedDelivery | None
    error: str | None
    challenge: int | None
    captured: list[str]
    reply: DeliveryReply
    events: list[DeliveredEvent]
    notes: list[str]

    @classmethod
    def from_receipt(
        cls, receipt: Receipt, *, account: str | None, connector: str | None, notes: Sequence[str] = ()
    ) -> "DeliveryReport":
        """Report a receipt, with additional notes."""
        refused, reply = receipt.refusal, receipt.reply
        return cls(
            account=account,
            connector=connector,
            verified_by=receipt.verified_by or None,
            refused=None
            if refused is None
            else RefusedDelivery(code=refused.code, message=refused.message, fix=refused.hint),
            error=None if receipt.error is None else receipt.error.message,
            challenge=receipt.challenge,
            captured=list(receipt.captured),
            reply=DeliveryReply(
                status=reply.status,
                headers=_describe_headers(reply.headers),
                body=reply.body.decode("utf-8", "replace"),
            ),
            events=[_describe_event(event) for event in receipt.events],
            notes=[*receipt.notes, *notes],
        )


class EventReport(Report, frozen=True, kw_only=True):
    """One event of `conn webhook listen`, which writes one line for each."""

    kind: ClassVar[str] = "event"
    event: DeliveredEvent

    @classmethod
    def from_event(cls, event: Event) -> "EventReport":
        """Report an event."""
        return cls(event=_describe_event(event))


class SubscriptionChange(msgspec.Struct, frozen=True, kw_only=True):
    """The change to one account's subscription.

    Without --send, `request` is the first request (null if there is none) and `done` is false. `results` has the
    vendor's values, `captured` names the secrets stored with the credential.
    """

    account: str
    done: bool
    results: dict[str, Any]
    captured: list[str]
    expires_at: str | None
    request: PlannedRequest | None
    error: str


class SubscriptionsReport(Report, frozen=True, kw_only=True):
    """Subscriptions that were created, renewed or ended at the vendor, or would be."""

    kind: ClassVar[str] = "subscriptions"
    action: Literal["subscribe", "renew", "unsubscribe"]
    accounts: list[SubscriptionChange]


def describe_request(request: Request, redactor: Redactor) -> PlannedRequest:
    """Describe a request for a report."""
    visible = request.visible
    size = len(visible.body or b"") if visible.payload is None else visible.payload.size
    return PlannedRequest(
        label=request.label,
        purpose=request.purpose,
        method=visible.method,
        url=redactor.url(visible.url),
        headers=_describe_headers(visible.headers),
        body=redactor.text(visible.body.decode("utf-8", "replace")) if visible.body else None,
        bytes=size,
        curl=format_curl(request, redactor),
    )


def _describe_headers(headers: Headers) -> list[HeaderField]:
    return [HeaderField(name=name, value=value) for name, value in headers.pairs]


def _describe_event(event: Event) -> DeliveredEvent:
    return DeliveredEvent(
        id=event.id,
        type=event.type,
        account=event.account,
        connector=event.connector,
        occurred_at=event.occurred_at,
        data=event.data,
        vendor=dict(event.vendor),
        remote_data=event.remote_data,
    )
