"""Records a delivery: without real secrets, with personal data replaced, signed again, and replayed at once to check
it.

`conn_engine.webhooks.resigning` signs it.
"""

import base64
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Literal, Unpack

from msgspec import structs

from conn_engine.auth import CAPTURED
from conn_engine.config import Effective
from conn_engine.documents import WriteOptions
from conn_engine.errors import ConnError
from conn_engine.personal import Replacements
from conn_engine.recordings.files import Exchange, redacted_request, redacted_response
from conn_engine.responses.waits.time_values import to_seconds_away
from conn_engine.runtime.call import Run, Session
from conn_engine.runtime.request import authorization_scope
from conn_engine.runtime.variants import base_url
from conn_engine.runtime.webhooks.accepting import require_webhooks
from conn_engine.runtime.wiring import Wiring
from conn_engine.secrets import NumberingRedactor, Redactor
from conn_engine.settings import ask
from conn_engine.testing.deliveries.people import DeliveryPeople, replace_in_frame
from conn_engine.testing.deliveries.replaying import DeliveryOutcome, replay_delivery
from conn_engine.testing.personal import PersonalData
from conn_engine.webhooks import Delivery, VerificationContext, VerificationError, Webhooks
from conn_engine.webhooks.recorded import DeliveredAccount, RecordedDelivery, save_delivery
from conn_engine.webhooks.recording_secrets import SigningKeys
from conn_engine.webhooks.resigning import resign_for_recording
from conn_engine.webhooks.secret_replacement import build_name_check, replace_published_keys
from conn_engine.webhooks.text_marks import Marks
from conn_engine.webhooks.verifier import is_condition_met
from conn_engine.wire import FrozenClock

__all__ = ["KeptDelivery", "computes_signature", "read_signed_at", "record_delivery"]

_SOURCE = Literal["live", "contract", "sample"]


@dataclass(frozen=True, slots=True)
class KeptDelivery:
    """A recorded delivery and the outcome of its replay. `people` is None if personal data was kept."""

    recorded: RecordedDelivery
    outcome: DeliveryOutcome
    people: DeliveryPeople | None = None

    def save(self, path: Path, redactor: Redactor, **placing: Unpack[WriteOptions]) -> None:
        """Write the file in one step, with the options in `placing`. Raises ConfigurationError if it contains a secret
        (REC002) or a replaced value (REC005)."""
        if self.people is not None:
            self.people.refuse_in(self.recorded, path)
        save_delivery(path, self.recorded, redactor, **placing)
        if self.people is not None:
            self.people.refuse_in_file(path, placing.get("within"))


def record_delivery(
    wiring: Wiring,
    delivery: Delivery,
    *,
    received_at: float,
    exchanges: Sequence[Exchange] = (),
    context: Mapping[str, Any] | None = None,
    source: _SOURCE = "live",
    note: str = "",
    is_verified: bool = True,
    personal: PersonalData | None = None,
) -> KeptDelivery:
    """Return a delivery that is signed with throwaway secrets instead of real ones, and the outcome of its replay.

    `wiring` belongs to the account, or the connector, whose address received it; `context` is that of the account it is
    for, if the address is the connector's. `exchanges` are the requests that it caused. `is_verified` is whether it was
    verified; a verified delivery that cannot be signed again is stored as recorded. With `personal`, personal data is
    replaced. Raises ConfigurationError (REC005) if that changes the outcome.
    """
    effective = wiring.effective
    webhooks = require_webhooks(effective)
    scope = authorization_scope(Run(effective, wiring.session))
    verification = VerificationContext(delivery, scope, FrozenClock(received_at), effective.hosts)
    captured = _read_captures(webhooks, verification)
    for name, value in captured.items():
        wiring.redactor.add(value, name)
    ring = SigningKeys()
    redactor = NumberingRedactor(wiring.redactor)
    values = redactor.data({**effective.context, **(context or {})})
    claims = redactor.data(_claims(webhooks, verification))
    frame = RecordedDelivery(
        source=source,
        note=note,
        received_at=_moment(received_at),
        url="",
        base_url=redactor.url(_base(effective)),
        account=DeliveredAccount(context=values),
        exchanges=[
            _redact_exchange(exchange, redactor)
            for exchange in replace_published_keys(webhooks.verify, ring, exchanges)
        ],
    )
    sign = partial(_sign, wiring, webhooks, verification, ring, captured)
    recorded, outcome = _make_replayable(effective, sign(frame), is_verified, claims)
    if personal is None:
        return KeptDelivery(recorded, outcome)
    people = DeliveryPeople.collect_from(effective, recorded, personal)
    replacements = people.replacements
    clean = sign(replace_in_frame(frame, replacements), replacements)
    recorded, after = _make_replayable(effective, clean, is_verified, replacements.replace_data(claims))
    people.check_outcomes(outcome, after)
    return KeptDelivery(recorded, after, people)


def _sign(  # noqa: PLR0917
    wiring: Wiring,
    webhooks: Webhooks,
    verification: VerificationContext,
    ring: SigningKeys,
    captured: Mapping[str, str],
    frame: RecordedDelivery,
    people: Replacements | None = None,
) -> RecordedDelivery:
    """Add the request to the frame, signed with throwaway secrets."""
    effective, session = wiring.effective, wiring.session
    signed = resign_for_recording(
        webhooks,
        verification,
        wiring.redactor,
        ring,
        document={name: value for name, value in session.document.items() if name != CAPTURED},
        environ={name: session.environ[name] for name in effective.env_names if session.environ.get(name)},
        captured=captured,
        is_credential_name=_build_header_filter(effective),
        personal=people,
    )
    delivery = signed.delivery
    binary = delivery.text.encode() != delivery.body
    return structs.replace(
        frame,
        method=delivery.method.upper(),
        url=delivery.url,
        headers=list(delivery.headers.pairs),
        body=None if binary or not delivery.body else delivery.text,
        body_base64=base64.b64encode(delivery.body).decode() if binary else None,
        secrets=signed.secrets,
    )


def read_signed_at(effective: Effective, session: Session, delivery: Delivery) -> float | None:
    """Return the signing time that a delivery states, in Unix seconds; None if it states none."""
    webhooks = effective.webhooks
    if webhooks is None:
        return None
    verification = VerificationContext(
        delivery, authorization_scope(Run(effective, session)), session.clock, effective.hosts
    )
    with suppress(VerificationError):
        for text, unit in webhooks.verify.find_times(verification):
            return to_seconds_away(text, unit, 0.0)
    return None


def computes_signature(effective: Effective, session: Session, delivery: Delivery) -> bool:
    """Return whether the connector finds a signature or token that is not in the delivery itself, such as a part that
    is decoded or in other letters: then no other can be written in its place."""
    webhooks = require_webhooks(effective)
    scope = authorization_scope(Run(effective, session))
    verification = VerificationContext(delivery, scope, session.clock, effective.hosts)
    marks = Marks()
    with suppress(VerificationError):
        for group in webhooks.verify.find_signature_groups(verification):
            for signature in group.signatures:
                marks.get_number(signature.text)
    for text in (delivery.url, delivery.text, *(value for _, value in delivery.headers.pairs)):
        marks.mark(text)
    return len(marks.found_numbers) < len(marks.texts)


def _make_replayable(
    effective: Effective, recorded: RecordedDelivery, is_verified: bool, claims: dict[str, Any]
) -> tuple[RecordedDelivery, DeliveryOutcome]:
    """Return the delivery in a form that can be replayed: verified again if possible, else marked as recorded."""
    outcome = replay_delivery(effective, recorded)
    if outcome.refusal is None or not is_verified or outcome.refusal.code == "forbidden":
        return recorded, outcome
    weaker = structs.replace(recorded, verified_by="as recorded", claims=claims)
    return weaker, replay_delivery(effective, weaker)


def _claims(webhooks: Webhooks, verification: VerificationContext) -> dict[str, Any]:
    """Return the claims of the delivery's JWT; empty without one."""
    with suppress(VerificationError):
        for group in webhooks.verify.find_signature_groups(verification):
            for signature in group.signatures:
                if signature.more is not None:
                    return dict(signature.more[1])
    return {}


def _read_captures(webhooks: Webhooks, verification: VerificationContext) -> dict[str, str]:
    """Return the values that the vendor passes on in this delivery, such as a new secret."""
    for challenge in webhooks.challenge:
        try:
            if not is_condition_met(challenge.when, verification):
                continue
            values = {name: ask(text, verification.build_names(text)) for name, text in challenge.capture.items()}
        except ConnError:
            continue
        return {name: value for name, value in values.items() if isinstance(value, str) and value}
    return {}


def _build_header_filter(effective: Effective) -> Any:
    webhooks = effective.webhooks
    events = [event for _, event in effective.events]
    names = [build_name_check(part) for part in (webhooks, *events) if part is not None]
    return lambda name: name == "content-type" or any(one(name) for one in names)


def _redact_exchange(exchange: Exchange, redactor: Redactor) -> Exchange:
    return Exchange(
        request=redacted_request(exchange.request, redactor), response=redacted_response(exchange.response, redactor)
    )


def _base(effective: Effective) -> str:
    try:
        return base_url(effective)
    except ConnError:
        return ""


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"
