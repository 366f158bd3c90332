"""Finds the personal data of a webhook delivery and of the requests that it caused, and checks the file."""

import base64
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from msgspec import structs

from conn_engine.config import Effective
from conn_engine.personal import (
    TECHNICAL_HEADERS,
    PersonalSummary,
    PersonalValues,
    Replacements,
    collect,
    collect_exchanges,
    replace_in_exchanges,
)
from conn_engine.testing.deliveries.replaying import DeliveryOutcome, replay_delivery
from conn_engine.testing.personal import PersonalData, PersonalTracer
from conn_engine.testing.unchanged import check_file, check_unchanged, refuse_personal, refuse_values
from conn_engine.webhooks.recorded import DeliveredAccount, RecordedDelivery, load_delivery

__all__ = ["DeliveryPeople", "replace_in_frame"]

_WHERE = "the delivery"


@dataclass(frozen=True, slots=True)
class DeliveryPeople:
    """The personal values of a webhook delivery, and their replacements."""

    values: PersonalValues
    replacements: Replacements

    @classmethod
    def collect_from(cls, effective: Effective, recorded: RecordedDelivery, personal: PersonalData) -> "DeliveryPeople":
        """Collect the values of a delivery without secrets. Raises ConfigurationError (REC005)."""
        tracer = PersonalTracer(effective, personal)
        replay_delivery(effective, recorded, tracer.observe)
        try:
            collect(_read_content(recorded), tracer.values)
            collect_exchanges(recorded.exchanges, tracer.values)
            return cls(tracer.values, tracer.make_replacements())
        except RecursionError:
            refuse_personal(_WHERE, "it is nested too deeply to search for personal data")

    @property
    def summary(self) -> PersonalSummary:
        """The summary of what was replaced."""
        return PersonalSummary.from_values(self.values)

    def check_outcomes(self, before: DeliveryOutcome, after: DeliveryOutcome) -> None:
        """Raise ConfigurationError (REC005) if the delivery has another outcome with replacements."""
        check_unchanged(before, after, self.replacements, self.values, _WHERE)
        kinds = [[str(event.get("type")) for event in outcome.records] for outcome in (before, after)]
        if [self.replacements.replace_text(kind) for kind in kinds[0]] != kinds[1]:
            refuse_personal(_WHERE, "with personal data replaced, it contains events of other types")
        if (before.verified_by, before.challenge) != (after.verified_by, after.challenge):
            was, is_ = before.verified_by or "nothing", after.verified_by or "nothing"
            refuse_personal(_WHERE, f"with personal data replaced, it is verified by {is_} instead of {was}")

    def refuse_in(self, recorded: RecordedDelivery, path: Path, text: str = "") -> None:
        """Raise ConfigurationError (REC005) if the delivery or the text to write still contains a replaced value."""
        content = _read_content(recorded)
        same = self.replacements.replace_data(content) == content
        same = same and replace_in_exchanges(recorded.exchanges, self.replacements) == recorded.exchanges
        refuse_values(path.as_posix(), text, self.values, changes=not same)

    def refuse_in_file(self, path: Path, within: Path | None) -> None:
        """Check a written file as `refuse_in` does, and delete it before raising."""
        check_file(path, within, lambda text: self.refuse_in(load_delivery(path), path, text))


def replace_in_frame(recorded: RecordedDelivery, people: Replacements) -> RecordedDelivery:
    """Replace every value of a recorded delivery, except in the request itself."""
    return structs.replace(
        recorded,
        note=people.replace_text(recorded.note),
        base_url=people.replace_text(recorded.base_url),
        account=DeliveredAccount(context=people.replace_data(recorded.account.context)),
        exchanges=replace_in_exchanges(recorded.exchanges, people),
    )


def _read_content(recorded: RecordedDelivery) -> dict[str, Any]:
    """Return the content of a delivery as data. A binary body becomes text with one character for each byte."""
    body = recorded.body
    if recorded.body_base64 is not None:
        body = base64.b64decode(recorded.body_base64).decode("latin-1")
    return {
        "url": recorded.url,
        "headers": [{name: value} for name, value in recorded.headers if name.lower() not in TECHNICAL_HEADERS],
        "body": body,
        "context": recorded.account.context,
        "claims": recorded.claims,
    }
