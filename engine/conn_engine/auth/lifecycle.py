"""What else an account's credential is asked about: whether a token is still good, and that it may be forgotten.

Who asks, and when, is the credential's and the caller's.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, TypeAlias

from msgspec import Meta

from conn_engine.auth.expiry import ExpiryUnit, moment
from conn_engine.auth.secret_request import SecretRequest, build_redactor, host_of, read, send_secret_request
from conn_engine.errors import CredentialError, ExpressionError
from conn_engine.roles import expression_over
from conn_engine.settings import Scope
from conn_engine.wire import Clock, Flow

__all__ = ["Introspection", "Revocation", "RevokeSetting", "Standing", "introspect_token", "revoke_token"]

_ANSWER = "Expression over response (the decoded body), headers and status for"


class Introspection(SecretRequest, frozen=True, kw_only=True):
    """A request that says whether a token is still good, and until when (RFC 7662)."""

    active: Annotated[
        str, Meta(description=f"{_ANSWER} whether the token is good.", extra=expression_over("token_answer"))
    ] = "response.active"
    expires: Annotated[str, Meta(description=f"{_ANSWER} when it ends.", extra=expression_over("token_answer"))] = (
        "response.exp"
    )
    expires_unit: Annotated[ExpiryUnit, Meta(description="What `expires` means.")] = "epoch"
    every_seconds: Annotated[
        float, Meta(ge=1, description="How long an answer holds that does not say when the token ends.")
    ] = 300.0


class Revocation(SecretRequest, frozen=True, kw_only=True):
    """A request that makes the vendor forget a token or an installation."""

    done: Annotated[
        str | None,
        Meta(
            description=f"{_ANSWER} whether that is done, such as `status in [200, 404]` where what is gone already "
            "counts. Default: any status below 300.",
            extra=expression_over("token_answer"),
        ),
    ] = None


RevokeSetting: TypeAlias = Annotated[
    tuple[Revocation, ...],
    Meta(
        description="Requests by which `conn auth logout` makes the vendor forget the credential, in this order. "
        "Templates see the stored document's keys, `env`, `context` and, for OAuth 2, `client`."
    ),
]


@dataclass(frozen=True, slots=True)
class Standing:
    """What was found out of a token: whether it is good, and its end in Unix seconds when that is known."""

    active: bool
    expires_at: float | None


def introspect_token(
    told: Introspection, names: Scope, hosts: tuple[str, ...], clock: Clock, absent: frozenset[str] = frozenset()
) -> Flow[Standing]:
    """Ask about a token. Raises CredentialError when the vendor does not answer the question, VendorError when it is
    out of order."""
    answer = yield from send_secret_request(
        told, names, hosts, clock, build_redactor(names), "token introspection", absent=absent
    )
    active = _true(read(answer, told.active))
    return Standing(active, moment(read(answer, told.expires), told.expires_unit, clock.now()) if active else None)


def revoke_token(
    told: tuple[Revocation, ...],
    names: Scope,
    hosts: tuple[str, ...],
    clock: Clock,
    absent: frozenset[str] = frozenset(),
) -> Flow[None]:
    """Send the requests, in order. Raises CredentialError, without a value of the credential, at the first that is not
    done."""
    redactor = build_redactor(names)
    for one in told:
        answer = yield from send_secret_request(
            one, names, hosts, clock, redactor, "revocation request", judged=False, absent=absent
        )
        status = answer.response.status
        try:
            done = status < 300 if one.done is None else _true(read(answer, one.done))
        except ExpressionError:
            done = False
        if not done:
            raise CredentialError(
                f"{host_of(answer.request)} did not revoke the credential (status {status})",
                hint="conn auth logout ACCOUNT --local forgets it here alone, --force whatever the vendor says",
            )


def _true(value: object) -> bool:
    from conn_engine.expressions import UNDEFINED

    if isinstance(value, Mapping):
        return bool(value)
    return value is not UNDEFINED and value not in ("false", "0") and bool(value)
