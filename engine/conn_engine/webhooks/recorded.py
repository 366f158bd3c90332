"""The file format of recorded deliveries. They contain no real secrets: they are signed again with generated keys
(`resigning`), which replays use."""

import base64
import binascii
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal, Unpack

import msgspec
from msgspec import Meta

from conn_engine.documents import WriteOptions, dump_json
from conn_engine.recordings.files import Exchange, check_exchanges, load_as, refuse_recorded, write_clean
from conn_engine.secrets import Redactor
from conn_engine.webhooks.delivery import Delivery
from conn_engine.wire import Headers

__all__ = ["DeliveredAccount", "RecordedDelivery", "get_received_at", "load_delivery", "save_delivery", "to_delivery"]


class _DeliveryModel(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """The base of the file's objects, with unknown keys forbidden."""


class DeliveredAccount(_DeliveryModel, frozen=True, kw_only=True):
    """The account that the delivery is for."""

    context: Annotated[dict[str, Any], Meta(description="The account's values; a replay uses them.")] = {}


class RecordedDelivery(_DeliveryModel, frozen=True, kw_only=True):
    """A recorded delivery. At most one of `body` and `body_base64` is set."""

    schema_url: Annotated[str, Meta(description="The JSON Schema of this file, for editors.")] = msgspec.field(
        name="$schema", default=""
    )
    format: Annotated[Literal[1], Meta(description="Version of the file format.")] = 1
    source: Annotated[
        Literal["live", "contract", "sample"],
        Meta(description="Origin: the vendor itself, its published contract, or a scaffold."),
    ] = "live"
    note: Annotated[str, Meta(description="Anything a reader should know.")] = ""
    received_at: Annotated[
        str, Meta(description="When it was received, as an RFC 3339 time. Replays use it as the current time.")
    ]
    method: Annotated[str, Meta(description="HTTP method, upper case.")] = "POST"
    url: Annotated[str, Meta(description="The absolute URL that the vendor called, with its query.")]
    headers: Annotated[
        list[tuple[str, str]],
        Meta(description="Headers in order, each a name and a value, without those of the transport."),
    ] = []
    body: Annotated[str | None, Meta(description="The exact body as text.")] = None
    body_base64: Annotated[str | None, Meta(description="The body in base64, if it is not UTF-8.")] = None
    secrets: Annotated[
        dict[str, Any],
        Meta(
            description="Generated secrets that it is signed with, by their names in the credential; "
            "env.NAME for an environment variable."
        ),
    ] = {}
    base_url: Annotated[
        str, Meta(description="The base URL when it was recorded. Replays compare the rest of the URL.")
    ] = ""
    account: Annotated[DeliveredAccount, Meta(description="The account that the delivery is for.")] = DeliveredAccount()
    exchanges: Annotated[
        list[Exchange], Meta(description="Requests that it caused and their responses: keys and fetched records.")
    ] = []
    verified_by: Annotated[
        Literal["as recorded"] | None,
        Meta(
            description="It was verified when it was recorded and cannot be signed again. A replay checks "
            "everything except the signature."
        ),
    ] = msgspec.field(name="proved", default=None)
    claims: Annotated[
        dict[str, Any], Meta(description="The claims of its JWT, if it was verified when it was recorded.")
    ] = {}
    refused: Annotated[
        bool, Meta(description="It must be refused, for example because of an invalid signature or an old time.")
    ] = False


def load_delivery(path: Path, display: str = "") -> RecordedDelivery:
    """Read a recorded delivery. Raises ConfigurationError with a finding REC001 at the place of an error."""
    file = display or path.as_posix()
    recorded, content = load_as(RecordedDelivery, path, file)
    check_exchanges(recorded.exchanges, file, content)
    if recorded.body is not None and recorded.body_base64 is not None:
        refuse_recorded(file, content, "body and body_base64 cannot both be set - at `$.body_base64`")
    try:
        base64.b64decode(recorded.body_base64 or "", validate=True)
    except (binascii.Error, ValueError):
        refuse_recorded(file, content, "this is not base64 - at `$.body_base64`")
    if _to_seconds(recorded.received_at) is None:
        refuse_recorded(file, content, "this is not an RFC 3339 time - at `$.received_at`")
    return recorded


def save_delivery(path: Path, recorded: RecordedDelivery, redactor: Redactor, **placing: Unpack[WriteOptions]) -> None:
    """Write a recorded delivery atomically. Raises ConfigurationError (REC002) if it contains a secret that the
    redactor knows."""
    data = {name: value for name, value in msgspec.to_builtins(recorded).items() if value != {}}
    schema = recorded.schema_url or _find_schema(path)
    write_clean(path, dump_json({"$schema": schema, "format": 1, **data}), redactor, recorded.secrets, **placing)


def _find_schema(path: Path) -> str:
    """Return the schema's path from connectors/<name>/deliveries/[<account>/]<file>, for editors."""
    parts = path.parts[:-1]
    if "deliveries" not in parts:
        return "https://conn.dev/schemas/delivery.schema.json"
    below = len(parts) - max(index for index, part in enumerate(parts) if part == "deliveries")
    return f"{'../' * (below + 2)}schemas/delivery.schema.json"


def to_delivery(recorded: RecordedDelivery) -> Delivery:
    """Return the delivery of a recording."""
    body = (recorded.body or "").encode("utf-8", "surrogatepass")
    if recorded.body_base64 is not None:
        body = base64.b64decode(recorded.body_base64)
    return Delivery(recorded.method.upper(), recorded.url, Headers(recorded.headers), body)


def get_received_at(recorded: RecordedDelivery) -> float:
    """Return when it was received, in Unix seconds."""
    return _to_seconds(recorded.received_at) or 0.0


def _to_seconds(text: str) -> float | None:
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None
