"""Receives deliveries: for one account, or for a connector whose events tell whose they are.

The driver of `accept` and `unified_events`: it loads credentials, sends what they ask for, and keeps what a vendor
hands over. It listens to nothing: whoever has an HTTP server hands it what came, and answers with `Receipt.reply`.
"""

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING, TypeVar

from conn_engine.config import Effective, Workspace
from conn_engine.errors import ConfigurationError, ConnError
from conn_engine.runtime.call import Session
from conn_engine.runtime.connection import Wiring, make_conditions, vault_of, wire_account
from conn_engine.runtime.drive import Sender, finish
from conn_engine.runtime.webhooks.accepting import Acceptance, accept
from conn_engine.runtime.webhooks.events import Event, VendorEvent, unified_events
from conn_engine.runtime.webhooks.routing import Routes, same_value
from conn_engine.secrets import Redactor, Vault
from conn_engine.secrets.vault import LayeredVault
from conn_engine.webhooks import MAX_DELIVERY_BYTES, Delivery, KeyCache, VerificationError
from conn_engine.wire import MACHINE_CLOCK, Clock, Flow, Headers, Request, Response

if TYPE_CHECKING:
    from conn_engine.expressions.isolation import Isolation
    from conn_engine.transport.live import Live

__all__ = ["Receipt", "Receiver"]

T = TypeVar("T")
_MOST_RESOLVED = 1_000
_MOST_NAMED = 5  # accounts in one note


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
    refused: VerificationError | None = None
    failed: ConnError | None = None
    notes: tuple[str, ...] = ()
    captured: tuple[str, ...] = ()


@dataclass(slots=True)
class Receiver:
    """Receives the deliveries of a workspace. May be used by several threads.

    `transport` sends what a delivery needs (a vendor's keys, a record that is fetched); None: the live one of each
    account. `remote_data`: events carry the vendor's own record too. `isolation` runs the expressions that are not
    a connector's own.
    """

    workspace: Workspace
    environ: Mapping[str, str] = field(repr=False)
    vault: Vault | None = None
    transport: Sender | None = None
    clock: Clock = MACHINE_CLOCK
    redactor: Redactor = field(default_factory=Redactor)
    remote_data: bool = False
    cache: KeyCache = field(default_factory=KeyCache)
    isolation: "Isolation | None" = None
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
        wiring = self.get_wiring(account, connector)
        if len(delivery.body) > MAX_DELIVERY_BYTES:
            return Receipt(Response(413), notes=(f"it is longer than {MAX_DELIVERY_BYTES // 2**20} MiB",))
        with closing(_Runs(self, account, wiring)) as runs:
            try:
                accepted = runs.run_flow(account, accept(wiring.run, delivery, self.cache, pairing=pairing))
                captured = self._keep(accepted, account, pairing)
            except VerificationError as error:
                return Receipt(Response(403), refused=error)
            except ConnError as error:
                return Receipt(_ask_to_retry(), failed=error)
            return self._receipt(runs, accepted.delivery or delivery, accepted, captured)

    def _receipt(self, runs: "_Runs", delivery: Delivery, accepted: Acceptance, captured: tuple[str, ...]) -> Receipt:
        """The events of an accepted delivery. One that cannot be made fails all: the vendor delivers them again, and
        those that were made have the same ids then."""
        notes: dict[str, None] = {}
        if captured and isinstance(self.vault, LayeredVault) and self.vault.kind_of(str(runs.account)) == "environment":
            notes[f"{', '.join(captured)} is kept as long as this runs: the credential comes from the environment"] = (
                None
            )
        events: list[Event] = []
        try:
            for event in accepted.events:
                for owner in self._owners(runs, event, notes):
                    wiring = runs.get_wiring(owner)
                    flow = unified_events(wiring.run, delivery, event, remote_data=self.remote_data)
                    events += runs.run_flow(owner, flow)
        except ConnError as error:
            return Receipt(_ask_to_retry(), tuple(events), accepted.proved, failed=error, notes=tuple(notes))
        return Receipt(
            accepted.reply,
            tuple(events),
            accepted.proved,
            accepted.challenge,
            accepted.refused,
            notes=tuple(notes),
            captured=captured,
        )

    # --- whose it is ---

    def _owners(self, runs: "_Runs", event: VendorEvent, notes: dict[str, None]) -> Sequence[str | None]:
        effective = runs.addressed.effective
        routing = effective.webhooks.account if effective.webhooks is not None else None
        if runs.account is not None:
            own = effective.context.get(routing.context) if routing is not None else None
            if routing is None or own is None or event.routes is None or same_value(own, event.routes):
                return [runs.account]
            notes[f'an event is for another account: its {routing.context} is not that of "{runs.account}"'] = None
            return []
        if routing is None:
            raise ConfigurationError(
                "nothing says which account the delivery is for",
                hint="receive it for an account, or say `account` under webhooks in connector.yaml",
            )
        found = self.routes.accounts(effective.connector_name, routing.context, event.routes)
        if self.routes.unreadable:
            names = ", ".join(self.routes.unreadable[:_MOST_NAMED])
            notes[f"accounts that cannot be read have no part in it: {names}"] = None
        if not found:
            notes[f"no account has the {routing.context} of an event of type {event.type}: it is left out"] = None
        return found

    @property
    def routes(self) -> Routes:
        """The accounts by what tells them apart."""
        if self._routes is None:
            self._routes = Routes(self.workspace, self._open_vault)
        return self._routes

    # --- at work ---

    def _open_vault(self) -> Vault:
        if self.vault is None:
            self.vault = vault_of(self.workspace, self.environ)
        return self.vault

    def get_wiring(self, account: str | None, connector: str | None) -> Wiring:
        """What a delivery to this address is judged with."""
        effective = self._effective(account, connector)
        if account is not None:
            return wire_account(
                self.workspace,
                account,
                environ=self.environ,
                vault=self._open_vault(),
                clock=self.clock,
                redactor=self.redactor,
                needs_credential=False,
                effective=effective,
                isolation=self.isolation,
            )
        effective = effective.under(make_conditions(effective, self.clock, isolation=self.isolation))
        session = Session("", {}, self.environ, self.clock, redactor=self.redactor, conditions=effective.conditions)
        return Wiring(effective, session, self._open_vault(), self.redactor, self.workspace.trust)

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

    def _keep(self, accepted: Acceptance, account: str | None, pairing: bool) -> tuple[str, ...]:
        """Keep what the vendor handed over, under the account's lock. Returns the names."""
        if not accepted.captured:
            return ()
        if account is None:
            raise VerificationError("forbidden", "it hands over a secret, and does not say for which account")
        vault = self._open_vault()
        for name, value in accepted.captured.items():
            self.redactor.add(value, name)
        with vault.exclusive(account):
            stored = dict(vault.load(account) or {})
            for name, value in accepted.captured.items():
                if stored.get(name) not in (None, "", value) and not pairing:
                    raise VerificationError("forbidden", f'it would replace the "{name}" that the account has')
            vault.save(account, {**stored, **accepted.captured})
        return tuple(accepted.captured)


class _Runs:
    """What one delivery runs: each account's wiring, and its transport, opened when something is sent. `addressed` is
    the wiring of the address that it came to."""

    def __init__(self, receiver: Receiver, account: str | None, addressed: Wiring) -> None:
        self._receiver = receiver
        self.account = account
        self.addressed = addressed
        self._wirings: dict[str | None, Wiring] = {account: addressed}
        self._live: dict[str | None, Live] = {}

    def get_wiring(self, account: str | None) -> Wiring:
        """The wiring of an account."""
        if account not in self._wirings:
            self._wirings[account] = self._receiver.get_wiring(account, None)
        return self._wirings[account]

    def run_flow(self, account: str | None, flow: Flow[T]) -> T:
        """Run a flow of an account to its end."""
        wiring = self.get_wiring(account)
        return finish(flow, _Sending(self, account), wiring.vault, self._receiver.clock, wiring.redactor)

    def send(self, account: str | None, request: Request) -> Response:
        """Send a request of an account."""
        if self._receiver.transport is not None:
            return self._receiver.transport.send(request)
        if account not in self._live:
            self._live[account] = self.get_wiring(account).live()
        return self._live[account].send(request)

    def close(self) -> None:
        """Give back the network connections."""
        for live in self._live.values():
            live.close()


@dataclass(frozen=True, slots=True)
class _Sending:
    """The transport of one account's flow."""

    runs: _Runs
    account: str | None

    def send(self, request: Request) -> Response:
        """Send it."""
        return self.runs.send(self.account, request)


def _ask_to_retry() -> Response:
    """The answer that makes vendors deliver it once more."""
    return Response(503, Headers({"content-type": "application/json"}), b'{"error":"try again later"}')
