"""Recorded webhook deliveries as test cases: their files, names and goldens. `replaying` replays them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from conn_engine.config import Effective, OperationName, Workspace
from conn_engine.config.merge import Path_
from conn_engine.documents import dump_json
from conn_engine.testing.cases import Case
from conn_engine.testing.deliveries.replaying import DeliveryOutcome, as_recording
from conn_engine.webhooks.recorded import RecordedDelivery, load_delivery
from conn_engine.wire import Response

__all__ = ["DeliveryCase", "DeliveryName", "delivery_document", "delivery_name", "find_deliveries", "golden_of"]


@dataclass(frozen=True, slots=True)
class DeliveryName(OperationName):
    """The name of a recorded delivery, used like an operation's: `webhook contact_created`."""

    @property
    def text(self) -> str:
        """The name as shown to people."""
        return f"webhook {self.method}"

    @property
    def path(self) -> Path_:
        """The path of the settings that receive it."""
        return ("webhooks",)


def delivery_name(name: str) -> DeliveryName:
    """Return the name of the delivery in the file `name`."""
    return DeliveryName("vendor", "", "webhook", name)


@dataclass(frozen=True, slots=True)
class DeliveryCase(Case):
    """One recorded delivery, for one account or for the base level only. `recording` has its exchanges."""

    delivery: RecordedDelivery


def find_deliveries(workspace: Workspace, effective: Effective, names: Sequence[str] = ()) -> list[DeliveryCase]:
    """Find the recorded deliveries of a connector, or only those in `names`, sorted by name. An account's own recording
    replaces the shared one."""
    folder = workspace.root / "connectors" / effective.connector_name
    own_folder = folder / "deliveries" / effective.account if effective.account else None
    for place in ("deliveries", "expected/deliveries"):
        workspace.check_inside(folder / place / (effective.account or ""))
    shared = {path.name: path for path in sorted((folder / "deliveries").glob("*.json"))}
    own_files = {path.name: path for path in sorted(own_folder.glob("*.json"))} if own_folder is not None else {}
    cases = []
    for file_name, path in sorted({**shared, **own_files}.items()):
        if names and path.stem not in names:
            continue
        workspace.check_inside(path)
        delivery = load_delivery(path, workspace.format_path(path))
        name = delivery_name(path.stem)
        expected = folder / "expected" / "deliveries"
        golden = expected / (effective.account or "") / file_name
        workspace.check_inside(golden)
        recording = as_recording(delivery, effective.connector_name, name.text)
        base = golden if file_name in own_files else expected / file_name
        cases.append(DeliveryCase(name, recording, path, golden, base, delivery))
    return cases


def delivery_document(outcome: DeliveryOutcome) -> str:
    """Return the text of a delivery's golden file."""
    return dump_json(golden_of(outcome))


def golden_of(outcome: DeliveryOutcome) -> dict[str, Any]:
    """Return the content of a golden: the reply, the verification method, the challenge, and the events."""
    row: dict[str, Any] = {
        "reply": _reply(outcome.reply),
        "proved": outcome.verified_by,
        "challenge": outcome.challenge,
    }
    if outcome.refusal is not None:
        row["refused"] = {"code": outcome.refusal.code, "message": outcome.refusal.message}
    return {**row, "events": outcome.records}


def _reply(reply: Response | None) -> dict[str, Any]:
    if reply is None:
        return {}
    return {
        "status": reply.status,
        "headers": reply.headers.plain(),
        "body": reply.body.decode("utf-8", "backslashreplace"),
    }
