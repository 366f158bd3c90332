"""Recorded deliveries: their file form, reading and writing. No real secret is in one: it is signed by throwaway keys
(`resigning`), and a replay proves it with those."""

import base64
import binascii
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal, Unpack

import msgspec
from msgspec import Meta

from conn_engine.documents import Placing, dump_json
from conn_engine.recordings.files import Exchange, check_exchanges, load_as, refuse_recorded, write_clean
from conn_engine.secrets import Redactor
from conn_engine.webhooks.delivery import Delivery
from conn_engine.wire import Headers

__all__ = ["DeliveredAccount", "RecordedDelivery", "get_received_at", "load_delivery", "save_delivery", "to_delivery"]


class _DeliveryModel(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """As strict as recordings are."""


class DeliveredAccount(_DeliveryModel, frozen=True, kw_only=True):
    """What is known of the account whose delivery it is."""

    context: Annotated[dict[str, Any], Meta(description="The account's values; a replay uses them.")] = {}


class RecordedDelivery(_DeliveryModel, frozen=True, kw_only=True):
    """A delivery, as it is replayed. At most one of `body` and `body_base64` is there."""

    schema_url: Annotated[str, Meta(description="The JSON Schema of this file, for editors.")] = msgspec.field(
        name="$schema", default=""
    )
    format: Annotated[Literal[1], Meta(description="Version of this file's form.")] = 1
    source: Annotated[
        Literal["live", "contract", "sample"],
        Meta(description="Origin: the vendor itself, its published contract, or a scaffold."),
    ] = "live"
    note: Annotated[str, Meta(description="Anything a reader should know.")] = ""
    received_at: Annotated[str, Meta(description="When it came, as an RFC 3339 time; the clock of a replay.")]
    method: Annotated[str, Meta(description="HTTP method, upper case.")] = "POST"
    url: Annotated[str, Meta(description="The absolute URL that the vendor called, with its query.")]
    headers: Annotated[
        list[tuple[str, str]], Meta(description="Headers in order, each a name and a value; none of the transport's.")
    ] = []
    body: Annotated[str | None, Meta(description="The exact body as text.")] = None
    body_base64: Annotated[str | None, Meta(description="A body that is no UTF-8.")] = None
    secrets: Annotated[
        dict[str, Any],
        Meta(
            description="Throwaway secrets that it is signed with, by the names that the credential has for them; "
            "env.NAME for a variable."
        ),
    ] = {}
    base_url: Annotated[str, Meta(description="The base URL at the time; replay compares what comes after it.")] = ""
    account: Annotated[DeliveredAccount, Meta(description="Whose it is.")] = DeliveredAccount()
    exchanges: Annotated[
        list[Exchange], Meta(description="What was asked because of it, and the answers: keys, fetched records.")
    ] = []
    proved: Annotated[
        Literal["as recorded"] | None,
        Meta(
            description="It was proved when it was recorded and cannot be signed anew; a replay checks all but the "
            "proof."
        ),
    ] = None
    claims: Annotated[
        dict[str, Any], Meta(description="What its JWT said, where it was proved as recorded by one.")
    ] = {}
    refused: Annotated[
        bool, Meta(description="It is there to be refused: a forged one, or one that comes too late.")
    ] = False


def load_delivery(path: Path, display: str = "") -> RecordedDelivery:
    """Read a recorded delivery. Raises ConfigurationError with a finding REC001 at the place of the fault."""
    file = display or path.as_posix()
    recorded, content = load_as(RecordedDelivery, path, file)
    check_exchanges(recorded.exchanges, file, content)
    if recorded.body is not None and recorded.body_base64 is not None:
        refuse_recorded(file, content, "a delivery has one of body and body_base64 - at `$.body_base64`")
    try:
        base64.b64decode(recorded.body_base64 or "", validate=True)
    except (binascii.Error, ValueError):
        refuse_recorded(file, content, "this is not base64 - at `$.body_base64`")
    if _to_seconds(recorded.received_at) is None:
        refuse_recorded(file, content, "this is no RFC 3339 time - at `$.received_at`")
    return recorded


def save_delivery(path: Path, recorded: RecordedDelivery, redactor: Redactor, **placing: Unpack[Placing]) -> None:
    """Write a recorded delivery, whole, unless a secret that the redactor knows is found in it. Raises
    ConfigurationError (REC002) then."""
    data = {name: value for name, value in msgspec.to_builtins(recorded).items() if value != {}}
    schema = recorded.schema_url or _find_schema(path)
    write_clean(path, dump_json({"$schema": schema, "format": 1, **data}), redactor, recorded.secrets, **placing)


def _find_schema(path: Path) -> str:
    """Where an editor finds the schema from connectors/<name>/deliveries/[<account>/]<file> of a workspace."""
    parts = path.parts[:-1]
    if "deliveries" not in parts:
        return "https://conn.dev/schemas/delivery.schema.json"
    below = len(parts) - max(at for at, part in enumerate(parts) if part == "deliveries")
    return f"{'../' * (below + 2)}schemas/delivery.schema.json"


def to_delivery(recorded: RecordedDelivery) -> Delivery:
    """The delivery that a recorded one stands for."""
    body = (recorded.body or "").encode("utf-8", "surrogatepass")
    if recorded.body_base64 is not None:
        body = base64.b64decode(recorded.body_base64)
    return Delivery(recorded.method.upper(), recorded.url, Headers(recorded.headers), body)


def get_received_at(recorded: RecordedDelivery) -> float:
    """When it came, in Unix seconds."""
    return _to_seconds(recorded.received_at) or 0.0


def _to_seconds(text: str) -> float | None:
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None
