"""Create, renew and delete a subscription to webhooks at the vendor.

All are generators. `subscriptions` stores their results; `accepting` handles the deliveries.
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

__all__ = ["SUBSCRIPTION", "Subscribed", "due", "renew", "subscribe", "unsubscribe"]

SUBSCRIPTION = "subscription"
"""The name of the subscription in the account's context."""

_SECRET = frozenset({"new_secret"})


@dataclass(frozen=True, slots=True)
class Subscribed:
    """A subscription: `stored` becomes the account's `context.subscription` (results by step, `url`, `expires_at`), and
    `captured` has the secrets for its credential."""

    stored: dict[str, Any]
    captured: dict[str, str] = field(default_factory=dict, repr=False)

    @property
    def expires_at(self) -> str | None:
        """When it expires, in ISO 8601; None if it does not, or the time is unknown."""
        return self.stored.get("expires_at")


def subscribe(run: Run, url: str, new_secret: str) -> Flow[Subscribed]:
    """Create a subscription.

    Raises ConfigurationError if the connector does not configure it, ExpressionError if an expression fails, and the
    errors of requests.
    """
    settings = _get_subscription(run.effective)
    scope = call_scope(run.effective, Call(), run.session.conditions) | {"url": url, "new_secret": new_secret}
    results, response = yield from _run_steps(run, settings.create, scope, "create")
    captured: dict[str, str] = {}
    for name, text in settings.capture.items():
        location = f"webhooks.subscription.capture.{name}"
        value = _value(text, scope | {SUBSCRIPTION: results, "response": response}, location)
        if not isinstance(value, str) or not value:
            raise ConfigurationError(
                f"{location} ({text}) finds no text in the vendor's response",
                hint="correct the expression: it must return the text of the secret",
            )
        captured[name] = value
    for name in _SECRET:  # mappings can read the stored values
        del scope[name]
    return Subscribed(_build_stored(settings, results, response, scope), captured)


def renew(run: Run, new_secret: str) -> Flow[Subscribed]:
    """Renew the account's subscription. If the connector has no `renew`, a new subscription replaces it.

    Raises ConfigurationError if there is no subscription, and the errors of `subscribe`.
    """
    settings = _get_subscription(run.effective)
    stored = _get_stored(run.effective)
    url = str(stored.get("url", ""))
    if not settings.renew:
        subscribed = yield from subscribe(
            run, url, new_secret
        )  # before the old one is deleted, so that no event is lost
        try:
            yield from unsubscribe(run)
        except VendorError as error:
            if error.kind != "not_found":  # the old one has expired
                raise
        return subscribed
    scope = call_scope(run.effective, Call(), run.session.conditions) | {"url": url}
    results, response = yield from _run_steps(run, settings.renew, scope, "renew")
    before = {name: value for name, value in stored.items() if name not in ("url", "expires_at")}
    return Subscribed(_build_stored(settings, {**before, **results}, response, scope))


def unsubscribe(run: Run) -> Flow[None]:
    """Delete the account's subscription. Raises the errors of `renew`."""
    settings = _get_subscription(run.effective)
    stored = _get_stored(run.effective)
    if not settings.delete:
        raise ConfigurationError(
            f'connector "{run.effective.connector_name}" does not configure how to delete a subscription',
            hint="add `delete` to webhooks.subscription, or delete the subscription at the vendor",
        )
    scope = call_scope(run.effective, Call(), run.session.conditions) | {"url": str(stored.get("url", ""))}
    yield from _run_steps(run, settings.delete, scope, "delete")


def due(effective: Effective, now: float) -> bool:
    """Return whether the account has a subscription that expires soon. `now` is in Unix seconds."""
    settings = effective.webhooks.subscription if effective.webhooks is not None else None
    stored = effective.context.get(SUBSCRIPTION)
    if settings is None or not isinstance(stored, Mapping) or not isinstance(stored.get("expires_at"), str):
        return False
    from datetime import datetime

    ends = datetime.fromisoformat(stored["expires_at"]).timestamp()
    return ends - now <= settings.renew_before_seconds


def _get_subscription(effective: Effective) -> Subscription:
    settings = effective.webhooks.subscription if effective.webhooks is not None else None
    if settings is None:
        raise ConfigurationError(
            f'connector "{effective.connector_name}" does not configure how to subscribe',
            hint="add `subscription` to `webhooks` in connector.yaml, or subscribe at the vendor",
        )
    return settings


def _get_stored(effective: Effective) -> Mapping[str, Any]:
    stored = effective.context.get(SUBSCRIPTION)
    if not isinstance(stored, Mapping):
        raise ConfigurationError(
            f'account "{effective.account}" has no stored subscription',
            hint=f"subscribe first: conn webhook subscribe {effective.account} --url URL",
        )
    return stored


def _run_steps(run: Run, steps: Sequence[Step], scope: Scope, key: str) -> Flow[tuple[dict[str, Any], Any]]:
    """Run the steps. Returns the results of their transforms, by name, and the last response."""
    results: dict[str, Any] = {}  # of all steps, for the next ones
    transformed: dict[str, Any] = {}
    response: Any = None
    for index, step in enumerate(steps):
        location = f"webhooks.subscription.{key}[{index}]"
        visible = scope | {SUBSCRIPTION: results}
        if step.when is not None and not _true(step.when, visible, f"{location}.when"):
            continue
        value: Any = None
        if step.request is not None:
            where, report = f"{location}.request", partial(log_verdict, redactor=run.session.redactor)
            value = response = yield from step_request(run, step.request, visible, where, _SECRET, report=report)
        if step.transform is not None:
            value = transformed[step.name] = _value(
                step.transform, visible | {"response": value}, f"{location}.transform"
            )
        results = {**results, step.name: value}
    return transformed, response


def _build_stored(settings: Subscription, results: dict[str, Any], response: Any, scope: Scope) -> dict[str, Any]:
    stored = {**results, "url": scope["url"]}
    if settings.expires is not None:
        location = "webhooks.subscription.expires"
        ends = moment_of(_value(settings.expires, scope | {SUBSCRIPTION: results, "response": response}, location))
        if ends is None:
            raise ConfigurationError(
                f"{location} ({settings.expires}) finds no time in the vendor's response",
                hint="correct the expression: it must return ISO 8601, or seconds or milliseconds since 1970",
            )
        stored["expires_at"] = ends
    return stored


def _value(text: str, scope: Scope, location: str) -> Any:
    try:
        value = ask(text, scope)
    except ExpressionError as error:
        error.at = location
        raise
    return None if value is UNDEFINED else value


def _true(text: str, scope: Scope, location: str) -> bool:
    try:
        return truth(text, scope)
    except ExpressionError as error:
        error.at = location
        raise
