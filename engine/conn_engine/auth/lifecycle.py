"""Ask the vendor whether a token is still active, and revoke it.

The credentials and the caller decide when.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, TypeAlias

from msgspec import Meta

from conn_engine.auth.expiry import ExpiryUnit, to_timestamp
from conn_engine.auth.secret_request import (
    SecretRequest,
    build_redactor,
    evaluate_on_response,
    host_of,
    send_secret_request,
)
from conn_engine.errors import CredentialError, ExpressionError
from conn_engine.roles import expression_over
from conn_engine.settings import Scope
from conn_engine.wire import Clock, Flow

__all__ = ["Introspection", "Revocation", "RevokeSetting", "TokenStatus", "introspect_token", "revoke_token"]


class Introspection(SecretRequest, frozen=True, kw_only=True):
    """A request that returns whether a token is still active, and until when (RFC 7662)."""

    active: Annotated[str, Meta(description="Whether the token is active.", extra=expression_over("token_answer"))] = (
        "response.active"
    )
    expires: Annotated[str, Meta(description="When the token expires.", extra=expression_over("token_answer"))] = (
        "response.exp"
    )
    expires_unit: Annotated[ExpiryUnit, Meta(description="Unit of `expires`.")] = "epoch"
    every_seconds: Annotated[
        float,
        Meta(
            ge=1,
            description="How long a result without an expiry is used before the vendor is asked again, in seconds.",
        ),
    ] = 300.0


class Revocation(SecretRequest, frozen=True, kw_only=True):
    """A request that revokes a token or an installation at the vendor."""

    done: Annotated[
        str | None,
        Meta(
            description="Whether the credential is revoked, such as `status in [200, 404]` if a "
            "missing one counts as revoked. Default: any status below 300.",
            extra=expression_over("token_answer"),
        ),
    ] = None


RevokeSetting: TypeAlias = Annotated[
    tuple[Revocation, ...],
    Meta(
        description="Requests that `conn auth logout` sends to revoke the credential, in this order. "
        "Templates see the stored document's keys, `env`, `context` and, for OAuth 2, `client`."
    ),
]


@dataclass(frozen=True, slots=True)
class TokenStatus:
    """The result of an introspection: whether the token is active, and its expiry in Unix seconds if known."""

    active: bool
    expires_at: float | None


def introspect_token(
    settings: Introspection, names: Scope, hosts: tuple[str, ...], clock: Clock, absent: frozenset[str] = frozenset()
) -> Flow[TokenStatus]:
    """Ask the vendor whether a token is active. Raises CredentialError if the response does not contain that, and
    VendorError when the endpoint is unavailable."""
    response = yield from send_secret_request(
        settings, names, hosts, clock, build_redactor(names), "token introspection", absent=absent
    )
    active = _is_true(evaluate_on_response(response, settings.active))
    return TokenStatus(
        active,
        to_timestamp(evaluate_on_response(response, settings.expires), settings.expires_unit, clock.now())
        if active
        else None,
    )


def revoke_token(
    requests: tuple[Revocation, ...],
    names: Scope,
    hosts: tuple[str, ...],
    clock: Clock,
    absent: frozenset[str] = frozenset(),
) -> Flow[None]:
    """Send the requests in order. Raises CredentialError, without a value of the credential, at the first that
    fails."""
    redactor = build_redactor(names)
    for settings in requests:
        answer = yield from send_secret_request(
            settings, names, hosts, clock, redactor, "revocation request", raises_on_error=False, absent=absent
        )
        status = answer.response.status
        try:
            done = status < 300 if settings.done is None else _is_true(evaluate_on_response(answer, settings.done))
        except ExpressionError:
            done = False
        if not done:
            raise CredentialError(
                f"{host_of(answer.request)} did not revoke the credential (status {status})",
                hint="to remove the stored credential anyway: conn auth logout ACCOUNT --force",
            )


def _is_true(value: object) -> bool:
    from conn_engine.expressions import UNDEFINED

    if isinstance(value, Mapping):
        return bool(value)
    return value is not UNDEFINED and value not in ("false", "0") and bool(value)
