"""Handle the deliveries of a running `conn webhook listen`: show them, record them, forward them."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event as Signal
from threading import Lock
from typing import TYPE_CHECKING

from conn_cli.console import App
from conn_cli.delivery_options import DeliveryOwner, to_json_line
from conn_engine.errors import ConnError
from conn_engine.wire import Headers, Response

if TYPE_CHECKING:
    from conn_engine.runtime.drive import Sender
    from conn_engine.runtime.webhooks import Event, Receipt, Receiver
    from conn_engine.testing.deliveries.keeping import Received
    from conn_engine.testing.personal import PersonalData
    from conn_engine.webhooks import Delivery

__all__ = ["DeliveryListener", "EventForwarder", "EventWriter"]

_NOT_FOUND = Response(404)
_AGAIN = Response(503, Headers({"retry-after": "30"}))


@dataclass(slots=True)
class EventForwarder:
    """Posts events to an application, signed with `key`."""

    url: str
    key: bytes = field(repr=False)
    transport: "Sender"
    now: Callable[[], float]

    def forward(self, events: "Sequence[Event]") -> str:
        """Post the events in order. Returns the first error, or ""."""
        from conn_engine.runtime.webhooks import build_delivery

        for event in events:
            try:
                response = self.transport.send(build_delivery(event, self.url, self.key, self.now()))
            except ConnError as error:
                return error.message
            if not 200 <= response.status < 300:
                return f"{response.status} from {self.url}"
        return ""


class EventWriter:
    """Writes a line for each event in every format of `--format`: to standard output at once, and to a file when it is
    closed, because a file is written completely or not at all."""

    def __init__(self, app: App, specs: Sequence[str]) -> None:
        from conn_cli.report import parse_specs

        self._app = app
        self._files: dict[tuple[str, str], list[str]] = {spec: [] for spec in parse_specs(specs)}

    def write(self, event: "Event") -> None:
        """Write one event."""
        for (name, file), lines in self._files.items():
            line = _json_line(event) if name == "json" else _text_line(event)
            if file:
                lines.append(line)
            else:
                self._app.write(line, form="json" if name == "json" else "text")

    def close(self) -> None:
        """Write the files."""
        from conn_cli.formatting import join_lines
        from conn_cli.report import write_text

        for (name, file), lines in self._files.items():
            if file:
                write_text(join_lines(lines), name, file, self._app, folder=self._app.folder)


def _json_line(event: "Event") -> str:
    import json

    from conn_engine.runtime.report import EventReport

    return json.dumps(EventReport.from_event(event).data(), ensure_ascii=False)


def _text_line(event: "Event") -> str:
    return f"{event.type} · {event.account or 'no account'} · {event.id} · {to_json_line(event.data)}"


@dataclass(slots=True)
class DeliveryListener:
    """Handles deliveries from several threads. `done` is set after `count` accepted ones (None: never).

    With `record`, deliveries are recorded; with `personal`, their personal data is replaced first. `start_syncs` stores
    what events mean for syncs, before the reply.
    """

    app: App
    receiver: "Receiver"
    address: DeliveryOwner | None
    events_to: "EventWriter"
    forward: EventForwarder | None = None
    pairing: bool = False
    record: bool = False
    personal: "PersonalData | None" = None
    count: int | None = None
    start_syncs: "Callable[[Sequence[Event]], object] | None" = None
    done: Signal = field(default_factory=Signal)
    deliveries: int = 0
    events: int = 0
    _lock: Lock = field(default_factory=Lock)

    def take(self, delivery: "Delivery", path: str) -> Response:
        """Return the response to a delivery."""
        address = self.address or self._read_address(path)
        if address is None:
            return _NOT_FOUND
        try:
            return self._receive(delivery, address)
        except ConnError as error:
            self._show_error(f"failed: {error.message}")
        except Exception as error:  # one delivery must not stop the others
            self._show_error(f"internal error: {type(error).__name__}")
        return _AGAIN

    def _read_address(self, path: str) -> DeliveryOwner | None:
        """Return the account of `/accounts/ACCOUNT` or the connector of `/CONNECTOR`, or None for any other path."""
        parts = path.partition("?")[0].strip("/").split("/")
        workspace = self.app.workspace
        if len(parts) == 2 and parts[0] == "accounts" and parts[1] in workspace.accounts():
            return DeliveryOwner(parts[1], None)
        if len(parts) == 1 and parts[0] in workspace.connectors():
            return DeliveryOwner(None, parts[0])
        return None

    def _receive(self, delivery: "Delivery", address: DeliveryOwner) -> Response:
        received = None
        if self.record:
            received = self._record(delivery, address)
            receipt = received.receipt
        else:
            receipt = self.receiver.receive(
                delivery, account=address.account, connector=address.connector, pairing=self.pairing
            )
        fault = "" if receipt.error or self.forward is None else self.forward.forward(receipt.events)
        if self.start_syncs is not None and receipt.refusal is None and receipt.error is None:
            self.start_syncs(receipt.events)
        with self._lock:
            self._show(receipt, fault)
            if received is not None and receipt.refusal is None and receipt.error is None:
                self._try_to_save(received, address)
            self._count(receipt, fault)
        return _AGAIN if fault else receipt.reply

    def _record(self, delivery: "Delivery", address: DeliveryOwner) -> "Received":
        from conn_engine.testing.deliveries.keeping import keep_received
        from conn_engine.transport.live import Live

        with Live(self.app.redactor, trust=self.app.workspace.trust, clock=self.app.clock) as live:
            return keep_received(
                self.receiver,
                live,
                delivery,
                account=address.account,
                connector=address.connector,
                pairing=self.pairing,
            )

    def _count(self, receipt: "Receipt", fault: str) -> None:
        if receipt.refusal is not None or receipt.error is not None or receipt.challenge is not None or fault:
            return
        self.deliveries += 1
        self.events += len(receipt.events)
        if self.count is not None and self.deliveries >= self.count:
            self.done.set()

    # --- output ---

    def _show(self, receipt: "Receipt", fault: str) -> None:
        from conn_engine.runtime.field_problems import describe_problem

        for event in receipt.events:
            self.events_to.write(event)
        if receipt.refusal is not None:
            self.app.err(f"refused: {receipt.refusal.message}")
            if receipt.refusal.hint:
                self.app.err(f"  fix: {receipt.refusal.hint}")
        if receipt.error is not None:
            self.app.err(f"failed: {receipt.error.message}")
        if receipt.challenge is not None and receipt.refusal is None:
            self.app.err(f"replied to challenge {receipt.challenge}")
        if receipt.captured:
            self.app.err(f"stored {', '.join(receipt.captured)} with the account")
        for note in receipt.notes:
            self.app.err(f"note: {note}")
        for problem in receipt.problems:
            self.app.err(f"warning: {describe_problem(problem)}")
        if fault:
            self.app.err(f"not forwarded: {fault}; the vendor is asked to deliver it again")
        self.app.flush()

    def _show_error(self, text: str) -> None:
        with self._lock:
            self.app.err(text)
            self.app.flush()

    def _try_to_save(self, received: "Received", address: DeliveryOwner) -> None:
        """Record the delivery. A failure is shown only here: the vendor must not deliver again because of it."""
        try:
            self._save(received, address)
        except ConnError as error:
            self.app.err(f"not recorded: {error.message}")
            if error.hint:
                self.app.err(f"  fix: {error.hint}")
            self.app.flush()

    def _save(self, received: "Received", address: DeliveryOwner) -> None:
        from conn_cli.personal_data import show_summary
        from conn_cli.scaffold import to_relative

        stored = received.to_stored(self.personal)
        path = self._free_path(address, _slug(received))
        stored.save(path, self.app.redactor, within=self.app.workspace.root, overwrite=False)
        self.app.err(f"recorded in {to_relative(path)}")
        show_summary(self.app, stored.people.summary if stored.people is not None else None)
        self.app.flush()

    def _free_path(self, address: DeliveryOwner, name: str) -> Path:
        from conn_cli.delivery_options import find_delivery_path

        number = 1
        while True:
            path = find_delivery_path(self.app, address, name if number == 1 else f"{name}-{number}", own=False)
            if not path.exists():
                return path
            number += 1


def _slug(received: "Received") -> str:
    if received.receipt.challenge is not None:
        return f"challenge_{received.receipt.challenge}"
    kinds = [str(event.vendor.get("type", "")) for event in received.receipt.events]
    return re.sub(r"[^a-z0-9]+", "_", kinds[0].lower()).strip("_")[:60] if kinds and kinds[0] else "delivery"
