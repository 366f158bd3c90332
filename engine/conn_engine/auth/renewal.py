"""When and how an account's credential is renewed: the effects that request it. The driver stores the result."""

from collections.abc import Mapping
from typing import Any

from conn_engine.auth.credentials import Credentials
from conn_engine.settings import Scope
from conn_engine.wire import Clock, Flow, Renew

__all__ = ["build_renewal", "renew_if_due"]


def build_renewal(  # noqa: PLR0917
    credentials: Credentials,
    account: str,
    document: Mapping[str, Any],
    scope: Scope,
    hosts: tuple[str, ...],
    clock: Clock,
) -> Renew:
    """Return the effect that requests a new credential in place of `document`. `scope` provides `env` and `context` to
    templates."""
    return Renew(account, dict(document), credentials.exchange(scope, hosts, clock))


def renew_if_due(  # noqa: PLR0917
    credentials: Credentials,
    account: str,
    document: Mapping[str, Any],
    scope: Scope,
    hosts: tuple[str, ...],
    clock: Clock,
) -> Flow[dict[str, Any]]:
    """Return the document to use now, renewed first if it has expired (or may have) and can be renewed."""
    if credentials.due(document, clock.now()) and credentials.renewable(document):
        renewed: dict[str, Any] = yield build_renewal(credentials, account, document, scope, hosts, clock)
        return renewed
    return dict(document)
