"""Receives deliveries: for one account, or for a connector whose events tell whose they are.

The driver of `accept` and `unified_events`: it loads credentials, sends what they ask for, and keeps what a vendor
hands over. It listens to nothing: whoever has an HTTP server hands it what came, and answers with `Receipt.reply`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, TypeVar

from conn_engine.config import Effective, Workspace
from conn_engine.errors import ConnError, CredentialError, UsageError, VendorError
from conn_engine.runtime.call import Session
from conn_engine.runtime.connection import Wiring, vault_of, wire_account
from conn_engine.runtime.drive import Sender, finish
from conn_engine.runtime.webhooks.accepting import Acceptance, accept
from conn_engine.runtime.webhooks.events import Event, VendorEvent, unified_events
from conn_engine.runtime.webhooks.routing import Routes
from conn_engine.secrets import Redactor, Vault
from conn_engine.webhooks import MAX_DELIVERY_BYTES, Delivery, KeyCache, Unproved
from conn_engine.wire import Clock, Flow, Headers, Response, SystemClock

__all__ = ["Receipt", "Receiver"]

T = TypeVar("T")
_MOST_RESOLVED = 1_000


@dataclass(frozen=True, slots=True)
class Receipt:
    """What came of a delivery. `reply` is to be answered, in any case.

    `proved` and `challenge` as in `Acceptance`; `refused` says why it is not accepted, `failed` what went wrong
    although it is (the reply then asks the vendor to deliver it again). `notes` are what a person should hear.
    """

    reply: Response
    events: tuple[Event, ...] = ()
    proved: str = ""
    challenge: int | None = None
    refused: Unproved | None = None
    failed: ConnError | None = None
    notes: tuple[str, ...] = ()
    captured: tuple[str, ...] = ()


@dataclass(slots=True)
class Receiver:
    """Receives the deliveries of a workspace. May be used by several threads.

    `transport` sends what a delivery needs (a vendor's keys, a record that is fetched); None: the live one of each
    account. `remote_data`: events carry the vendor's own record too.
    """

    workspace: Workspace
    environ: Mapping[str, str]
    vault: Vault | None = None
    transport: Sender | None = None
    clock: Clock = field(default_factory=SystemClock)
    redactor: Redactor = field(default_factory=Redactor)
    remote_data: bool = False
    cache: KeyCache = field(default_factory=KeyCache)
    _routes: Routes | None = None
    _resolved: dict[tuple[str | None, str | None], Effective] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def receive(
        self, delivery: Delivery, *, account: str | None = None, connector: str | None = None, pairing: bool = False
    ) -> Receipt:
        """Judge a delivery that came to an account's address, or to a connector's, and make its events.

        Raises UsageError for an unknown account or connector, and ConfigurationError for what cannot be received at
        all; what is wrong with the delivery, or goes wrong with it, is in the receipt.
        """
        wiring = self._wiring(account, connector)
        if len(delivery.body) > MAX_DELIVERY_BYTES:
            return Receipt(Response(413), notes=(f"it is longer than {MAX_DELIVERY_BYTES // 2**20} MiB",))
        try:
            judged = accept(wiring.effective, wiring.session, delivery, self.cache, pairing=pairing)
            accepted = self._driven(wiring, judged)
            captured = self._keep(wiring, accepted, account, pairing)
        except (CredentialError, VendorError) as error:
            return Receipt(_again(), failed=error)
        except Unproved as error:
            return Receipt(Response(403), refused=error)
        notes: list[str] = []
        events: list[Event] = []
        try:
            for event in accepted.events:
                for owner in self._owners(wiring, event, account, notes):
                    events += self._events(wiring if owner == account else self._wiring(owner, None), delivery, event)
        except (CredentialError, VendorError) as error:
            return Receipt(_again(), tuple(events), accepted.proved, failed=error, notes=tuple(notes))
        return Receipt(
            accepted.reply,
            tuple(events),
            accepted.proved,
            accepted.challenge,
            accepted.refused,
            notes=tuple(dict.fromkeys(notes)),
            captured=captured,
        )

    # --- whose it is ---

    def _owners(self, wiring: Wiring, event: VendorEvent, account: str | None, notes: list[str]) -> list[str]:
        told = wiring.effective.webhooks
        routing = told.account if told is not None else None
        if account is not None:
            own = wiring.effective.context.get(routing.context) if routing is not None else None
            if routing is None or own is None or event.routes is None or str(own) == str(event.routes):
                return [account]
            notes.append(f'an event is for another account: its {routing.context} is not that of "{account}"')
            return []
        if routing is None:
            raise UsageError(
                "nothing says which account the delivery is for",
                hint="receive it for an account, or say `account` under webhooks in connector.yaml",
            )
        found = self.routes.accounts(wiring.effective.connector_name, routing.context, event.routes)
        if not found:
            notes.append(f"no account has the {routing.context} of an event of type {event.type}: it is left out")
        return found

    @property
    def routes(self) -> Routes:
        """The accounts by what tells them apart."""
        if self._routes is None:
            self._routes = Routes(self.workspace, self._opened)
        return self._routes

    # --- at work ---

    def _events(self, wiring: Wiring, delivery: Delivery, event: VendorEvent) -> list[Event]:
        flow = unified_events(wiring.effective, wiring.session, delivery, event, remote_data=self.remote_data)
        return self._driven(wiring, flow)

    def _driven(self, wiring: Wiring, flow: Flow[T]) -> T:
        transport = self.transport
        if transport is not None:
            return finish(flow, transport, wiring.vault, self.clock, wiring.redactor)
        live = _Late(wiring)
        try:
            return finish(flow, live, wiring.vault, self.clock, wiring.redactor)
        finally:
            live.close()

    def _opened(self) -> Vault:
        if self.vault is None:
            self.vault = vault_of(self.workspace, self.environ)
        return self.vault

    def _wiring(self, account: str | None, connector: str | None) -> Wiring:
        effective = self._effective(account, connector)
        if account is not None:
            return wire_account(
                self.workspace,
                account,
                environ=self.environ,
                vault=self._opened(),
                clock=self.clock,
                redactor=self.redactor,
                needs_credential=False,
                effective=effective,
            )
        session = Session("", {}, self.environ, self.clock)
        return Wiring(effective, session, self._opened(), self.redactor, self.workspace.trusted_certificates)

    def _effective(self, account: str | None, connector: str | None) -> Effective:
        """The configuration, resolved at the first delivery: the workspace does not change under a receiver."""
        key = (account, connector)
        with self._lock:
            made = self._resolved.get(key)
        if made is None:
            made = self.workspace.effective(account=account, connector=connector)
            made.check_authority()
            for name in made.env_names:
                if self.environ.get(name):
                    self.redactor.add(self.environ[name], name)
            with self._lock:
                while len(self._resolved) >= _MOST_RESOLVED:
                    del self._resolved[next(iter(self._resolved))]
                self._resolved[key] = made
        return made

    def _keep(self, wiring: Wiring, accepted: Acceptance, account: str | None, pairing: bool) -> tuple[str, ...]:
        """Keep what the vendor handed over, under the account's lock. Returns the names."""
        if not accepted.captured:
            return ()
        if account is None:
            raise Unproved("forbidden", "it hands over a secret, and does not say for which account")
        vault = self._opened()
        for name, value in accepted.captured.items():
            self.redactor.add(value, name)
        with vault.exclusive(account):
            stored = dict(vault.load(account) or {})
            for name, value in accepted.captured.items():
                if stored.get(name) not in (None, "", value) and not pairing:
                    raise Unproved("forbidden", f'it would replace the "{name}" that the account has')
            vault.save(account, {**stored, **accepted.captured})
        return tuple(accepted.captured)


class _Late:
    """The account's live transport, opened when something is sent."""

    def __init__(self, wiring: Wiring) -> None:
        self._wiring = wiring
        self._live: Any = None

    def send(self, request: Any) -> Response:
        """Send it."""
        if self._live is None:
            self._live = self._wiring.live()
        answer: Response = self._live.send(request)
        return answer

    def close(self) -> None:
        """Give back the network connections."""
        if self._live is not None:
            self._live.close()


def _again() -> Response:
    """The answer that makes vendors deliver it once more."""
    return Response(503, Headers({"content-type": "application/json"}), b'{"error":"try again later"}')
