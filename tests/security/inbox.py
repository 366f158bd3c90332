"""Deliveries under attack: what reaches the receiver of the workspace in `attack`, whose secret is `HOOK`.

`signed` is a delivery as the vendor makes it; everything else is anybody's. `Inbox.shown` has every text by which a
secret could get out of a receipt: the answer, the events, the notes, the messages, their representations, tracebacks.
"""

import hashlib
import hmac
import json
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from attack import ENVIRONMENT_SECRET, KEY, SECRETS, World, forms

from conn_engine.config import load_workspace
from conn_engine.runtime.webhooks import Receipt, Receiver
from conn_engine.secrets import Redactor
from conn_engine.secrets.vault import MemoryVault
from conn_engine.transport.live import Live
from conn_engine.webhooks import Delivery
from conn_engine.wire import FrozenClock, Headers

HOOK = "hook-Vb5Nm2Xc8Zl4Qw"
NOW = 1_795_000_000
ADDRESS = "https://hooks.example.com/in/acme"
HMAC: dict[str, Any] = {"format": "hmac", "config": {"signature": 'headers."x-signature"', "prefix": "sha256="}}
EVENTS: dict[str, Any] = {"each": "body", "type": "item.type", "id": "item.id", "record": "item"}

Pairs = Sequence[tuple[str, str]]


def webhooks(**said: Any) -> dict[str, Any]:
    """The setting, with these values in place of the usual ones."""
    return {"verify": HMAC, "events": EVENTS, **said}


def told(body: Any) -> bytes:
    """A body as it is sent."""
    return body if isinstance(body, bytes) else json.dumps(body).encode()


def signed(body: Any = None, *, url: str = ADDRESS, method: str = "POST", headers: Pairs = ()) -> Delivery:
    """A delivery by the vendor, of JSON unless `headers` say another content type."""
    raw = told({"type": "thing.created", "id": "1"} if body is None else body)
    signature = f"sha256={hmac.new(HOOK.encode(), raw, hashlib.sha256).hexdigest()}"
    kind = [] if any(name == "content-type" for name, _ in headers) else [("content-type", "application/json")]
    return Delivery(method, url, Headers([*kind, ("x-signature", signature), *headers]), raw)


def plain(body: Any = b"", *, url: str = ADDRESS, method: str = "POST", headers: Pairs = ()) -> Delivery:
    """A delivery by anybody."""
    return Delivery(method, url, Headers(list(headers)), told(body))


@dataclass
class Inbox:
    """The receiver over a world, whose requests are really sent, and what it shows."""

    world: World
    vault: MemoryVault = field(default_factory=MemoryVault)
    redactor: Redactor = field(default_factory=Redactor)
    clock: FrozenClock = field(default_factory=lambda: FrozenClock(NOW))

    def lay_out(self, told: Mapping[str, Any], override: dict[str, Any] | None = None, **connector: Any) -> "Inbox":
        """Write the workspace, and store the account's credential."""
        fields = [{"name": "webhook_secret", "secret": True}]
        made = self.world.connector(webhooks=dict(told), fields=fields, **connector)
        self.world.lay_out(override, connector=made)
        self.vault.save("acme", {"api_key": KEY, "webhook_secret": HOOK})
        return self

    def receiver(self, **settings: Any) -> Receiver:
        """A receiver that knows nothing yet."""
        environ = {"CONN_NO_KEYRING": "1", "VENDOR_APP": ENVIRONMENT_SECRET}
        workspace = load_workspace(self.world.folder)
        return Receiver(
            workspace,
            environ,
            self.vault,
            transport=Live(self.redactor, trust=workspace.trust),
            clock=self.clock,
            redactor=self.redactor,
            **settings,
        )

    def receive(self, delivery: Delivery, **how: Any) -> Receipt:
        """Receive it for the account; nothing of a secret may be shown."""
        receipt = self.receiver().receive(delivery, **(how or {"account": "acme"}))
        self.nothing_shown(receipt)
        return receipt

    def nothing_shown(self, receipt: Receipt) -> None:
        """Fail when a secret is anywhere in it, in whatever form."""
        shown = self.shown(receipt)
        for secret in (*SECRETS, HOOK):
            for form in forms(secret):
                assert form not in shown, f"{form} of {secret}"

    @staticmethod
    def shown(receipt: Receipt) -> str:
        """Everything that a receipt says, in one text."""
        texts = [repr(receipt), receipt.reply.body.decode("utf-8", "replace"), str(receipt.reply.headers.pairs)]
        texts += [json.dumps(event.plain(), default=repr) for event in receipt.events]
        for error in (receipt.refusal, receipt.error):
            if error is not None:
                texts += [error.message, error.hint, repr(error), "".join(traceback.format_exception(error))]
        return "\n".join([*texts, *receipt.notes])
