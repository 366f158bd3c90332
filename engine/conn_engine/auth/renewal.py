"""When and how an account's credential is renewed: the effects that ask for it. Storing it is the
driver's."""

from collections.abc import Mapping
from typing import Any

from conn_engine.auth.credentials import Credentials
from conn_engine.settings import Scope
from conn_engine.wire import Clock, Flow, Renew

__all__ = ["current", "renewal"]


def renewal(  # noqa: PLR0917
    credentials: Credentials,
    account: str,
    document: Mapping[str, Any],
    scope: Scope,
    hosts: tuple[str, ...],
    clock: Clock,
) -> Renew:
    """The effect that asks for a credential in place of `document`. `scope` gives `env` and `context` to
    templates."""
    return Renew(account, dict(document), credentials.exchange(scope, hosts, clock))


def current(  # noqa: PLR0917
    credentials: Credentials,
    account: str,
    document: Mapping[str, Any],
    scope: Scope,
    hosts: tuple[str, ...],
    clock: Clock,
) -> Flow[dict[str, Any]]:
    """The document to use now: renewed first when it has ended (or may have) and can be renewed, else as it is."""
    if credentials.due(document, clock.now()) and credentials.renewable(document):
        renewed: dict[str, Any] = yield renewal(credentials, account, document, scope, hosts, clock)
        return renewed
    return dict(document)
