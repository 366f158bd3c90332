"""A subscription's life: the vendor is told where deliveries are to come, asked to go on, told to stop.

Generators; storing what comes out is the connection's. Deliveries that come because of it are `accepting`'s.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from conn_engine.config import Effective
from conn_engine.errors import ConfigurationError, ExpressionError, VendorError
from conn_engine.expressions import UNDEFINED, truth
from conn_engine.listing.flows import Step
from conn_engine.runtime.call import Call, Run
from conn_engine.runtime.endings import log_verdict
from conn_engine.runtime.request import call_scope
from conn_engine.runtime.steps import step_request
from conn_engine.runtime.webhooks.events import moment_of
from conn_engine.settings import Scope, ask
from conn_engine.webhooks import Subscription
from conn_engine.wire import Flow

__all__ = ["KEPT", "Subscribed", "due", "renew", "subscribe", "unsubscribe"]

KEPT = "subscription"
"""The name in the account's context under which a subscription is kept."""


_SECRET = frozenset({"new_secret"})


@dataclass(frozen=True, slots=True)
class Subscribed:
    """A subscription: what is to be kept with the account (results by step, `url`, `expires_at`), and the secrets for
    its credential."""

    kept: dict[str, Any]
    captured: dict[str, str] = field(default_factory=dict, repr=False)

    @property
    def expires_at(self) -> str | None:
        """When it ends, in ISO 8601; None: it does not, or nobody says."""
        return self.kept.get("expires_at")


def subscribe(run: Run, url: str, new_secret: str) -> Flow[Subscribed]:
    """Subscribe. Raises ConfigurationError when the connector does not say how, ExpressionError where an expression
    fails, and what a request raises."""
    told = _get_subscription(run.effective)
    scope = call_scope(run.effective, Call(), run.session.conditions) | {"url": url, "new_secret": new_secret}
    results, response = yield from _run_steps(run, told.create, scope, "create")
    captured: dict[str, str] = {}
    for name, text in told.capture.items():
        at = f"webhooks.subscription.capture.{name}"
        value = _value(text, scope | {KEPT: results, "response": response}, at)
        if not isinstance(value, str) or not value:
            raise ConfigurationError(f"{at} ({text}) finds no text in the vendor's answer")
        captured[name] = value
    for name in _SECRET:  # what is kept, mappings may read
        del scope[name]
    return Subscribed(_build_stored(told, results, response, scope), captured)


def renew(run: Run, new_secret: str) -> Flow[Subscribed]:
    """Make the account's subscription last longer; where the connector says no `renew`, a new one takes its place.

    Raises ConfigurationError when there is none, and as `subscribe`.
    """
    told = _get_subscription(run.effective)
    own = _get_stored(run.effective)
    url = str(own.get("url", ""))
    if not told.renew:
        made = yield from subscribe(run, url, new_secret)  # before the old one goes: nothing is missed
        try:
            yield from unsubscribe(run)
        except VendorError as error:
            if error.kind != "not_found":  # it ended meanwhile
                raise
        return made
    scope = call_scope(run.effective, Call(), run.session.conditions) | {"url": url}
    results, response = yield from _run_steps(run, told.renew, scope, "renew")
    before = {name: value for name, value in own.items() if name not in ("url", "expires_at")}
    return Subscribed(_build_stored(told, {**before, **results}, response, scope))


def unsubscribe(run: Run) -> Flow[None]:
    """End the account's subscription. Raises as `renew`."""
    told = _get_subscription(run.effective)
    own = _get_stored(run.effective)
    if not told.delete:
        raise ConfigurationError(
            f'the connector "{run.effective.connector_name}" does not say how a subscription is ended',
            hint="say `delete` of webhooks.subscription, or end it at the vendor",
        )
    scope = call_scope(run.effective, Call(), run.session.conditions) | {"url": str(own.get("url", ""))}
    yield from _run_steps(run, told.delete, scope, "delete")


def due(effective: Effective, now: float) -> bool:
    """Whether the account has a subscription that ends soon. `now` is Unix seconds."""
    told = effective.webhooks.subscription if effective.webhooks is not None else None
    own = effective.context.get(KEPT)
    if told is None or not isinstance(own, Mapping) or not isinstance(own.get("expires_at"), str):
        return False
    from datetime import datetime

    ends = datetime.fromisoformat(own["expires_at"]).timestamp()
    return ends - now <= told.renew_before_seconds


def _get_subscription(effective: Effective) -> Subscription:
    told = effective.webhooks.subscription if effective.webhooks is not None else None
    if told is None:
        raise ConfigurationError(
            f'the connector "{effective.connector_name}" does not say how to subscribe',
            hint="say `subscription` under webhooks in connector.yaml, or subscribe at the vendor",
        )
    return told


def _get_stored(effective: Effective) -> Mapping[str, Any]:
    own = effective.context.get(KEPT)
    if not isinstance(own, Mapping):
        raise ConfigurationError(
            f'nothing is known of a subscription of "{effective.account}"',
            hint="subscribe first: conn webhook subscribe ACCOUNT --url URL",
        )
    return own


def _run_steps(run: Run, steps: Sequence[Step], scope: Scope, key: str) -> Flow[tuple[dict[str, Any], Any]]:
    """Run the steps. Returns what their transforms found, by name, and the last answer."""
    results: dict[str, Any] = {}
    kept: dict[str, Any] = {}
    response: Any = None
    for index, step in enumerate(steps):
        at = f"webhooks.subscription.{key}[{index}]"
        seen = scope | {KEPT: results}
        if step.run_if is not None and not _true(step.run_if, seen, f"{at}.run_if"):
            continue
        found: Any = None
        if step.request is not None:
            where, report = f"{at}.request", partial(log_verdict, redactor=run.session.redactor)
            found = response = yield from step_request(run, step.request, seen, where, _SECRET, report=report)
        if step.transform is not None:
            found = kept[step.name] = _value(step.transform, seen | {"response": found}, f"{at}.transform")
        results = {**results, step.name: found}
    return kept, response


def _build_stored(told: Subscription, results: dict[str, Any], response: Any, scope: Scope) -> dict[str, Any]:
    kept = {**results, "url": scope["url"]}
    if told.expires is not None:
        at = "webhooks.subscription.expires"
        ends = moment_of(_value(told.expires, scope | {KEPT: results, "response": response}, at))
        if ends is None:
            raise ConfigurationError(f"{at} ({told.expires}) finds no moment in the vendor's answer")
        kept["expires_at"] = ends
    return kept


def _value(text: str, scope: Scope, at: str) -> Any:
    try:
        value = ask(text, scope)
    except ExpressionError as error:
        error.at = at
        raise
    return None if value is UNDEFINED else value


def _true(text: str, scope: Scope, at: str) -> bool:
    try:
        return truth(text, scope)
    except ExpressionError as error:
        error.at = at
        raise
