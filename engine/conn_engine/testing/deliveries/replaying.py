"""Replays a recorded delivery: without network, at the time of its receipt, with the secrets that signed it."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from msgspec import structs

from conn_engine.config import Effective
from conn_engine.errors import ConnError
from conn_engine.recordings.files import Recording
from conn_engine.recordings.replay import Replay
from conn_engine.runtime.call import Observer, Run, Session
from conn_engine.runtime.drive import finish
from conn_engine.runtime.field_problems import merge_problems
from conn_engine.runtime.variants import base_url, for_replay, in_context
from conn_engine.runtime.webhooks.accepting import Acceptance, accept
from conn_engine.runtime.webhooks.events import unified_events
from conn_engine.runtime.webhooks.routing import same_value
from conn_engine.secrets.vault.memory import MemoryVault
from conn_engine.settings import Names
from conn_engine.testing.cases import LoggingTransport, Outcome, SyntheticVault, conditions_at, sent_requests
from conn_engine.webhooks import DeliveryVerifier, KeyCache, VerificationContext, VerificationError, Webhooks
from conn_engine.webhooks.recorded import RecordedDelivery, get_received_at, to_delivery
from conn_engine.wire import Flow, FrozenClock, Response

__all__ = [
    "DeliveryOutcome",
    "as_recording",
    "for_delivery",
    "handed_over",
    "in_context_of",
    "replay_delivery",
    "session_of",
]


@dataclass(slots=True)
class DeliveryOutcome(Outcome):
    """The result of a delivery. `records` are its events as JSON data, without an account; `error` may be the reason of
    its refusal. `verified_by`, `challenge` and `reply` are those of `Acceptance`."""

    reply: Response | None = None
    verified_by: str = ""
    challenge: int | None = None
    notes: tuple[str, ...] = ()

    @property
    def refusal(self) -> VerificationError | None:
        """The reason why it was refused."""
        return self.error if isinstance(self.error, VerificationError) else None


def replay_delivery(
    effective: Effective, recorded: RecordedDelivery, observer: Observer | None = None
) -> DeliveryOutcome:
    """Receive a recorded delivery for the account. The outcome contains errors, including a refusal. `observer` is
    passed to `Session`."""
    outcome = DeliveryOutcome()
    effective = for_delivery(effective, recorded)
    clock = FrozenClock(get_received_at(recorded))
    try:
        base = base_url(effective)
        session = session_of(effective, recorded, clock)
    except ConnError as error:
        outcome.error, outcome.unused = error, len(recorded.exchanges)
        return outcome
    session.observer = observer
    effective = for_replay(effective, base, recorded.base_url)
    answers = Replay(as_recording(recorded, effective.connector_name, ""), base_url=base)
    log = LoggingTransport(answers)
    vault = MemoryVault({"": dict(session.document)})
    try:
        finish(_receive(Run(effective, session), recorded, outcome), log, vault, clock)
    except ConnError as error:
        outcome.error = error
    outcome.sent = sent_requests(log.rows, [], [base, recorded.base_url])
    outcome.unused = len(answers.unused)
    return outcome


def _receive(run: Run, recorded: RecordedDelivery, outcome: DeliveryOutcome) -> Flow[None]:
    delivery = to_delivery(recorded)
    accepted: Acceptance = yield from accept(run, delivery, KeyCache())
    outcome.reply, outcome.verified_by, outcome.challenge = accepted.reply, accepted.verified_by, accepted.challenge
    if recorded.verified_by is not None and outcome.verified_by:
        outcome.verified_by = recorded.verified_by
    if accepted.refusal is not None:
        raise accepted.refusal
    effective = run.effective
    routing = effective.webhooks.account if effective.webhooks is not None else None
    for event in accepted.events:
        routing_value = effective.context.get(routing.context) if routing is not None else None
        if (
            routing is not None
            and routing_value is not None
            and event.routes is not None
            and not same_value(routing_value, event.routes)
        ):
            outcome.notes += (
                f"skipped an event for another account: its {routing.context} differs from the recorded one",
            )
            continue
        events = yield from unified_events(run, accepted.delivery or delivery, event)
        outcome.records += [_plain(unified_event.plain()) for unified_event in events]
        outcome.problems = merge_problems(outcome.problems, *(unified_event.problems for unified_event in events))


def _plain(event: dict[str, Any]) -> dict[str, Any]:
    """Remove the account, which depends on the receiver and is not tested."""
    return {name: value for name, value in event.items() if name != "account"}


def in_context_of(effective: Effective, recorded: RecordedDelivery) -> Effective:
    """Return the configuration with the recorded context merged over the account's."""
    return in_context(effective, recorded.account.context)


def for_delivery(effective: Effective, recorded: RecordedDelivery) -> Effective:
    """Return the configuration for a replay: with the recorded context, and without an account."""
    variant = copy.copy(in_context_of(effective, recorded))
    variant.account = None  # an event's id depends on it, and a golden serves all accounts
    webhooks = variant.webhooks
    if recorded.verified_by is not None and webhooks is not None:
        verify: Any = AsRecorded(claims=recorded.claims)
        variant.__dict__["webhooks"] = structs.replace(webhooks, verify=verify)
    return variant


def session_of(effective: Effective, recorded: RecordedDelivery, clock: FrozenClock) -> Session:
    """Create a session with a synthetic credential and the secrets that the delivery is signed with."""
    env = {name.removeprefix("env."): str(value) for name, value in recorded.secrets.items() if name.startswith("env.")}
    secrets = {name: value for name, value in recorded.secrets.items() if not name.startswith("env.")}
    credential = SyntheticVault(effective).load("")
    handed = handed_over(effective.webhooks)
    document = {**{name: value for name, value in credential.items() if name not in handed}, **secrets}
    environ = {**{name: f"synthetic-{name}" for name in effective.env_names}, **env}
    return Session("", document, environ, clock, conditions=conditions_at(clock.now(), effective.evaluator))


def handed_over(webhooks: Webhooks | None) -> frozenset[str]:
    """Return the names of values that the vendor passes on in a challenge: an account does not have them before."""
    return frozenset(
        name for challenge in (webhooks.challenge if webhooks is not None else ()) for name in challenge.capture
    )


def as_recording(recorded: RecordedDelivery, connector: str, name: str) -> Recording:
    """Return the exchanges of a delivery as a recording."""
    return Recording(
        connector=connector,
        operation=name,
        source=recorded.source,
        recorded_at=recorded.received_at,
        note=recorded.note,
        base_url=recorded.base_url,
        context=recorded.account.context,
        exchanges=recorded.exchanges,
    )


class AsRecorded(DeliveryVerifier, frozen=True, kw_only=True, tag_field="format", tag="as_recorded"):
    """Replaces a verification that cannot be repeated."""

    claims: Mapping[str, Any] = {}

    def check(self, verification: VerificationContext) -> Flow[Names]:
        """Accept the delivery: it was verified when it was recorded."""
        yield from ()
        verification.claims = dict(self.claims)
        return {"claims": verification.claims}
