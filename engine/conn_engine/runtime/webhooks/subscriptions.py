"""Start, extend and end subscriptions of connected accounts, and store them with the account.

`subscribing` sends the requests. The results of the steps are stored in `context.subscription`, the secrets in the
credential.
"""

import secrets
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from conn_engine.auth import CAPTURED
from conn_engine.errors import UsageError
from conn_engine.runtime.connection import Connection
from conn_engine.runtime.drive import finish
from conn_engine.runtime.webhooks.subscribing import SUBSCRIPTION, Subscribed, renew, subscribe, unsubscribe
from conn_engine.urls import split_plain_url
from conn_engine.wire import Flow

__all__ = ["begin", "end", "extend"]

T = TypeVar("T")


def begin(connection: Connection, url: str) -> Subscribed:
    """Subscribe the account, so that the vendor calls `url`.

    Raises UsageError for a URL that no vendor can call, and the errors of `subscribing.subscribe`.
    """
    parts = split_plain_url(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username is not None or parts.fragment:
        raise UsageError(
            f"{url} is not a URL that a vendor can call", hint="pass the public https URL of your receiver"
        )
    subscribed = _run(connection, lambda secret: subscribe(connection.wiring.run, url, secret))
    _store(connection, subscribed)
    return subscribed


def extend(connection: Connection) -> Subscribed:
    """Renew the account's subscription. Raises the errors of `subscribing.renew`."""
    subscribed = _run(connection, lambda secret: renew(connection.wiring.run, secret))
    _store(connection, subscribed)
    return subscribed


def end(connection: Connection) -> None:
    """End the account's subscription and remove it from the account. Raises the errors of `subscribing.unsubscribe`."""
    _run(connection, lambda _: unsubscribe(connection.wiring.run))
    wiring = connection.wiring
    account = wiring.session.account
    with wiring.vault.exclusive(account):
        stored = wiring.vault.load(account)
        if stored is not None:
            wiring.vault.save(account, {**stored, CAPTURED: _remove_secrets(stored.get(CAPTURED))})
    wiring.effective.context.pop(SUBSCRIPTION, None)


def _run(connection: Connection, build_flow: Callable[[str], Flow[T]]) -> T:
    wiring = connection.wiring
    secret = secrets.token_hex(32)
    wiring.redactor.add(secret, "the new webhook secret")
    return finish(build_flow(secret), connection.transport, wiring.vault, wiring.session.clock, wiring.redactor)


def _store(connection: Connection, subscribed: Subscribed) -> None:
    """Store the subscription under the account's lock: a delivery may have stored a secret at the same time."""
    wiring = connection.wiring
    account = wiring.session.account
    for name, value in subscribed.captured.items():
        wiring.redactor.add(value, name)
    with wiring.vault.exclusive(account):
        stored = wiring.vault.load(account) or {}
        captured = {**_remove_secrets(stored.get(CAPTURED)), SUBSCRIPTION: subscribed.stored}
        wiring.vault.save(account, {**stored, **subscribed.captured, CAPTURED: captured})
    wiring.effective.learn({SUBSCRIPTION: subscribed.stored})


def _remove_secrets(captured: Any) -> dict[str, Any]:
    return (
        {name: value for name, value in captured.items() if name != SUBSCRIPTION}
        if isinstance(captured, Mapping)
        else {}
    )
