"""Receive deliveries for one account, or for a connector whose events identify their accounts.

The receiver drives `accept` and `unified_events`: it loads credentials, sends requests, and stores the secrets that a
vendor sends. It does not listen itself: pass it the deliveries of your HTTP server, and reply with `Receipt.reply`.
To reply before records are fetched, take the two halves apart: `verify`, and later `expand`.
"""

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from threading import Lock
from typing import TYPE_CHECKING, TypeVar

from conn_engine.auth.secret_request import build_redactor
from conn_engine.conditions import DEFAULT_LIMITS, EvaluationLimits
from conn_engine.config import Effective, Workspace
from conn_engine.errors import ConfigurationError, ConnError
from conn_engine.runtime.call import Session
from conn_engine.runtime.drive import Sender, finish
from conn_engine.runtime.field_problems import merge_problems
from conn_engine.runtime.request import authorization_scope
from conn_engine.runtime.webhooks.accepting import Acceptance, accept
from conn_engine.runtime.webhooks.events import Event, VendorEvent, unified_events
from conn_engine.runtime.webhooks.routing import Routes, same_value
from conn_engine.runtime.webhooks.verified import VerifiedDelivery
from conn_engine.runtime.wiring import Wiring, make_conditions, vault_of, wire_account
from conn_engine.secrets import Redactor, Vault
from conn_engine.secrets.vault import LayeredVault
from conn_engine.webhooks import MAX_DELIVERY_BYTES, Delivery, KeyCache, VerificationError
from conn_engine.wire import MACHINE_CLOCK, Clock, FieldProblem, Flow, Headers, Request, Response

if TYPE_CHECKING:
    from conn_engine.expressions.isolation import Isolation
    from conn_engine.transport.live import Live

__all__ = ["Receipt", "Receiver"]

T = TypeVar("T")
_MOST_RESOLVED = 1_000
_MOST_NAMED = 5  # accounts in one note


@dataclass(frozen=True, slots=True)
class Receipt:
    """The result of a delivery. Always send `reply`.

    For `verified_by` and `challenge`, see `Acceptance`. `refusal` is the reason why the delivery is not accepted.
    `error` is the problem with an accepted one; the reply then asks the vendor to deliver it again. `notes` are remarks
    for a person. `problems` has the fields of the events' records that are empty because their expressions fail.
    """

    reply: Response
    events: tuple[Event, ...] = ()
    verified_by: str = ""
    challenge: int | None = None
    refusal: VerificationError | None = None
    error: ConnError | None = None
    notes: tuple[str, ...] = ()
    captured: tuple[str, ...] = ()
    problems: tuple[FieldProblem, ...] = ()


@dataclass(slots=True)
class Receiver:
    """Receives the deliveries of a workspace. Several threads may share it.

    `transport` sends the requests that a delivery needs, such as for a vendor's keys or a record; by default, each
    account has a live one. With `remote_data`, events include the vendor's record. `isolation` runs the expressions of
    overrides, and `limits` bound each evaluation.
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
    limits: EvaluationLimits = DEFAULT_LIMITS
    _routes: Routes | None = None
    _resolved: dict[tuple[str | None, str | None], Effective] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def receive(
        self, delivery: Delivery, *, account: str | None = None, connector: str | None = None, pairing: bool = False
    ) -> Receipt:
        """Process a delivery to the address of an account or a connector, and return its events.

        Raises UsageError for an unknown account or connector, and ConfigurationError if nothing can be received. All
        problems of the delivery itself are in the receipt.
        """
        receipt, verified = self.verify(delivery, account=account, connector=connector, pairing=pairing)
        if verified is None or not verified.events:
            return receipt
        expanded = self.expand(verified)
        if expanded.error is not None:
            return replace(expanded, notes=(*receipt.notes, *expanded.notes))
        return replace(
            receipt, events=expanded.events, notes=(*receipt.notes, *expanded.notes), problems=expanded.problems
        )

    def verify(
        self, delivery: Delivery, *, account: str | None = None, connector: str | None = None, pairing: bool = False
    ) -> tuple[Receipt, VerifiedDelivery | None]:
        """Verify a delivery, and return the reply for the vendor and what is left to `expand`; None if it has not been
        accepted. No record is fetched, so that the reply can be sent at once.

        Raises the errors of `receive`.
        """
        wiring = self.get_wiring(account, connector)
        if len(delivery.body) > MAX_DELIVERY_BYTES:
            note = f"the body is longer than {MAX_DELIVERY_BYTES // 2**20} MiB"
            return Receipt(Response(413), notes=(note,)), None
        with closing(_Runs(self, account, wiring)) as runs:
            try:
                accepted = runs.run_flow(account, accept(wiring.run, delivery, self.cache, pairing=pairing))
                captured = self._keep(accepted, account, pairing)
            except VerificationError as error:
                return Receipt(Response(403), refusal=error), None
            except ConnError as error:
                return Receipt(_ask_to_retry(), error=error), None
        receipt = Receipt(
            accepted.reply,
            (),
            accepted.verified_by,
            accepted.challenge,
            accepted.refusal,
            notes=self._note_capture(account, captured),
            captured=captured,
        )
        if accepted.delivery is None:
            return receipt, None
        events = tuple(accepted.events)
        return receipt, VerifiedDelivery(account, connector, accepted.delivery, events, accepted.verified_by)

    def _note_capture(self, account: str | None, captured: tuple[str, ...]) -> tuple[str, ...]:
        vault = self.vault
        if not captured or not isinstance(vault, LayeredVault) or vault.kind_of(str(account)) != "environment":
            return ()
        note = f"{', '.join(captured)} is stored only while this process runs"
        return (f"{note}, because the credential comes from the environment",)

    def expand(self, verified: VerifiedDelivery) -> Receipt:
        """Return the events of a verified delivery for its accounts; records that it lacks are fetched.

        If one fails, the receipt has the error, the events before it, and the reply with which a vendor delivers all of
        them again; the same events then have the same ids. Raises UsageError for an account that no longer exists.
        """
        account = verified.account
        notes: dict[str, None] = {}
        events: list[Event] = []
        wiring = self.get_wiring(account, verified.connector)
        delivery = verified.delivery
        if delivery.echoes is None:  # it has been stored
            delivery = delivery.clean(build_redactor(authorization_scope(wiring.run)))
        with closing(_Runs(self, account, wiring)) as runs:
            try:
                for event in verified.events:
                    for owner in self._owners(runs, event, notes):
                        flow = unified_events(runs.get_wiring(owner).run, delivery, event, remote_data=self.remote_data)
                        events += runs.run_flow(owner, flow)
            except ConnError as error:
                by = verified.verified_by
                return Receipt(_ask_to_retry(), tuple(events), by, error=error, notes=tuple(notes))
        problems = merge_problems(*(event.problems for event in events))
        return Receipt(Response(200), tuple(events), verified.verified_by, notes=tuple(notes), problems=problems)

    # --- whose it is ---

    def _owners(self, runs: "_Runs", event: VendorEvent, notes: dict[str, None]) -> Sequence[str | None]:
        effective = runs.addressed.effective
        routing = effective.webhooks.account if effective.webhooks is not None else None
        if runs.account is not None:
            routing_value = effective.context.get(routing.context) if routing is not None else None
            if (
                routing is None
                or routing_value is None
                or event.routes is None
                or same_value(routing_value, event.routes)
            ):
                return [runs.account]
            notes[f'skipped an event for another account: its {routing.context} is not that of "{runs.account}"'] = None
            return []
        if routing is None:
            raise ConfigurationError(
                "the delivery does not identify an account",
                hint="receive it for an account, or set `account` of `webhooks` in connector.yaml",
            )
        accounts = self.routes.accounts(effective.connector_name, routing.context, event.routes)
        if self.routes.unreadable:
            names = ", ".join(self.routes.unreadable[:_MOST_NAMED])
            notes[f"skipped accounts that cannot be read: {names}"] = None
        if not accounts:
            notes[f"skipped an event of type {event.type}: no account has its {routing.context}"] = None
        return accounts

    @property
    def routes(self) -> Routes:
        """The index of accounts by the value that identifies them."""
        if self._routes is None:
            self._routes = Routes(self.workspace, self._open_vault, self.clock)
        return self._routes

    # --- at work ---

    def _open_vault(self) -> Vault:
        if self.vault is None:
            self.vault = vault_of(self.workspace, self.environ)
        return self.vault

    def get_wiring(self, account: str | None, connector: str | None) -> Wiring:
        """Return the wiring for deliveries to this address."""
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
                limits=self.limits,
            )
        effective = effective.with_conditions(
            make_conditions(effective, self.clock, isolation=self.isolation, limits=self.limits)
        )
        session = Session("", {}, self.environ, self.clock, redactor=self.redactor, conditions=effective.conditions)
        return Wiring(effective, session, self._open_vault(), self.redactor, self.workspace.trust)

    def _effective(self, account: str | None, connector: str | None) -> Effective:
        """Return the configuration. It is resolved once, because the workspace of a receiver does not change."""
        key = (account, connector)
        with self._lock:
            effective = self._resolved.get(key)
        if effective is None:
            effective = self.workspace.effective(account=account, connector=connector)
            effective.check_authority()
            for name in effective.env_names:
                if self.environ.get(name):
                    self.redactor.add(self.environ[name], name)
            with self._lock:
                while len(self._resolved) >= _MOST_RESOLVED:
                    del self._resolved[next(iter(self._resolved))]
                self._resolved[key] = effective
        return effective

    def _keep(self, accepted: Acceptance, account: str | None, pairing: bool) -> tuple[str, ...]:
        """Store the secrets that the vendor sent, under the account's lock. Returns their names."""
        if not accepted.captured:
            return ()
        if account is None:
            raise VerificationError("forbidden", "it contains a secret, but does not identify an account")
        vault = self._open_vault()
        for name, value in accepted.captured.items():
            self.redactor.add(value, name)
        with vault.exclusive(account):
            stored = dict(vault.load(account) or {})
            for name, value in accepted.captured.items():
                if stored.get(name) not in (None, "", value) and not pairing:
                    raise VerificationError("forbidden", f'it would replace the "{name}" of the account')
            vault.save(account, {**stored, **accepted.captured})
        return tuple(accepted.captured)


class _Runs:
    """The wiring and the transport of each account that one delivery uses. Transports are opened on first use.
    `addressed` is the wiring of the delivery's address."""

    def __init__(self, receiver: Receiver, account: str | None, addressed: Wiring) -> None:
        self._receiver = receiver
        self.account = account
        self.addressed = addressed
        self._wirings: dict[str | None, Wiring] = {account: addressed}
        self._live: dict[str | None, Live] = {}

    def get_wiring(self, account: str | None) -> Wiring:
        """Return the wiring of an account."""
        if account not in self._wirings:
            self._wirings[account] = self._receiver.get_wiring(account, None)
        return self._wirings[account]

    def run_flow(self, account: str | None, flow: Flow[T]) -> T:
        """Run a flow of an account and return its result."""
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
        """Close the network connections."""
        for live in self._live.values():
            live.close()


@dataclass(frozen=True, slots=True)
class _Sending:
    """The transport of one account's flow."""

    runs: _Runs
    account: str | None

    def send(self, request: Request) -> Response:
        """Send a request of the account."""
        return self.runs.send(self.account, request)


def _ask_to_retry() -> Response:
    """Return the reply that makes vendors deliver again."""
    return Response(503, Headers({"content-type": "application/json"}), b'{"error":"try again later"}')
