"""Verifies a delivery as a receiver does, without storing anything and without sending requests that a challenge asks
for."""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from msgspec import structs

from conn_engine.config import Effective
from conn_engine.runtime.webhooks.accepting import Acceptance
from conn_engine.runtime.webhooks.events import VendorEvent
from conn_engine.runtime.webhooks.receiver import Receiver
from conn_engine.runtime.wiring import Wiring

__all__ = ["Trial"]


@dataclass(slots=True)
class Trial(Receiver):
    """A receiver without side effects. `given` are secrets in addition to the stored ones. `withheld` are the requests
    that would have been sent for a challenge. An event without an account is mapped for the connector only."""

    given: Mapping[str, Any] = field(default_factory=dict)
    withheld: list[str] = field(default_factory=list)

    def get_wiring(self, account: str | None, connector: str | None) -> Wiring:
        wiring = Receiver.get_wiring(self, account, connector)
        if self.given:
            wiring.session.document = {**wiring.session.document, **self.given}
        for name, value in self.given.items():
            self.redactor.add(str(value), name)
        return wiring

    def _owners(self, runs: Any, event: VendorEvent, notes: dict[str, None]) -> Sequence[str | None]:
        webhooks = runs.addressed.effective.webhooks
        if runs.account is None and (webhooks is None or webhooks.account is None):
            return [None]
        return Receiver._owners(self, runs, event, notes) or ([None] if runs.account is None else [])

    def _effective(self, account: str | None, connector: str | None) -> Effective:
        # Not super(): the decorator of a class with slots creates a new class.
        effective = Receiver._effective(self, account, connector)
        webhooks = effective.webhooks
        if webhooks is None or all(challenge.request is None for challenge in webhooks.challenge):
            return effective
        self.withheld = [
            str(challenge.request.url) for challenge in webhooks.challenge if challenge.request is not None
        ]
        variant = copy.copy(effective)
        silent = tuple(structs.replace(challenge, request=None) for challenge in webhooks.challenge)
        variant.__dict__["webhooks"] = structs.replace(webhooks, challenge=silent)
        return variant

    def _keep(self, accepted: Acceptance, account: str | None, pairing: bool) -> tuple[str, ...]:
        for name, value in accepted.captured.items():
            self.redactor.add(value, name)
        return tuple(accepted.captured)
