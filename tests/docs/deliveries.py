"""Transcripts of deliveries: what a vendor sends to us, what it is answered, and the events that come of it.

$ conn webhook verify delivery.txt -a acme   or `--connector shop` for the address of all accounts
stored: {"webhook_secret": "s"}       the accounts' credential
< POST /in {"id": 7}                  the delivery, with its headers; `<` is what the vendor sends, as everywhere
< X-Signature: 0a1b…
> GET /people/7                       what is fetched meanwhile, and its answer
< 200 {"id": 7}
> 200                                 what the vendor is answered
= [{"type": "crm.contact.updated", "data": {"id": "7"}}]
note: …                               what a person should hear; `captured:` the secrets that the vendor sent
! refused: …                          why it is not accepted

`$ conn webhook subscribe acme --url URL`, and `renew`: requests and answers as of an operation, then what is stored.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from conn_engine.config import Effective, Workspace
from conn_engine.runtime.call import Run, Session
from conn_engine.runtime.drive import Sender
from conn_engine.runtime.webhooks import Event, Receipt, Receiver
from conn_engine.runtime.webhooks.subscribing import renew, subscribe
from conn_engine.secrets.vault.memory import MemoryVault
from conn_engine.webhooks import Delivery
from conn_engine.wire import Clock, Flow, Headers, Response

__all__ = ["delivery_of", "subscribing", "told"]

ADDRESS = "https://hooks.example.com"
_USUAL = ("content-type", "x-content-type-options")


def delivery_of(first: str, head: list[str], body: str) -> Delivery | None:
    """The delivery that a block begins; None when it is an answer."""
    found = re.match(r"([A-Z]+) (/\S*)(?: (.*))?$", first)
    if found is None:
        return None
    pairs = [(name, value) for name, _, value in (line.partition(": ") for line in head)]
    json_ = [] if any(name.lower() == "content-type" for name, _ in pairs) else [("content-type", "application/json")]
    return Delivery(found[1], f"{ADDRESS}{found[2]}", Headers([*json_, *pairs]), (found[3] or body).encode())


def told(
    workspace: Workspace,
    delivery: Delivery,
    call: list[str],
    stored: Mapping[str, Any],
    *,
    transport: Sender,
    clock: Clock,
    environ: Mapping[str, str],
) -> Iterator[str]:
    """What happens to it, line by line."""
    vault = MemoryVault({account: dict(stored) for account in workspace.accounts()})
    receiver = Receiver(workspace, environ, vault, transport, clock)
    connector = call[call.index("--connector") + 1] if "--connector" in call else None
    receipt = receiver.receive(delivery, account=None if connector else "acme", connector=connector)
    yield from _answer(receipt.reply)
    yield from _outcome(receipt, by_account=connector is not None)


def _answer(reply: Response) -> Iterator[str]:
    text = reply.body.decode()
    yield f"> {reply.status} {text}".rstrip() if "\n" not in text else f"> {reply.status}"
    yield from (f"> {name}: {value}" for name, value in reply.headers.pairs if name not in _USUAL)
    if "\n" in text:
        yield from (">", *(f"> {line}" for line in text.splitlines()))


def _outcome(receipt: Receipt, *, by_account: bool) -> Iterator[str]:
    yield from (f"note: {note}" for note in receipt.notes)
    if receipt.captured:
        yield f"captured: {', '.join(receipt.captured)}"
    if receipt.refusal is not None:
        yield f"! refused: {receipt.refusal.message}"
    elif receipt.error is not None:
        yield f"! failed: {receipt.error.message}"
    elif receipt.challenge is None:
        yield from _events([_shown(event, by_account) for event in receipt.events])


def _shown(event: Event, by_account: bool) -> dict[str, Any]:
    plain = event.plain()
    names = ["type", *(["account"] if by_account else []), "occurred_at", "data"]
    return {name: plain[name] for name in names if plain[name] is not None or name == "data"}


def _events(events: list[dict[str, Any]]) -> list[str]:
    rows = [json.dumps(event, ensure_ascii=False) for event in events]
    if len(rows) < 2:
        return [f"= [{''.join(rows)}]"]
    return [f"= [{rows[0]},", *(f"   {row}," for row in rows[1:-1]), f"   {rows[-1]}]"]


def subscribing(call: list[str], effective: Effective, session: Session) -> Flow[list[str]]:
    """Yield what is stored of a new or renewed subscription; the random secret is `new-secret`."""
    if call[2] == "subscribe":
        made = yield from subscribe(Run(effective, session), call[call.index("--url") + 1], "new-secret")
    else:
        made = yield from renew(Run(effective, session), "new-secret")
    captured = [f"captured: {', '.join(made.captured)}"] if made.captured else []
    return [*captured, f"= [{json.dumps(made.stored)}]"]
