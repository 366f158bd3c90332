"""Rules for the `errors` of a GraphQL response. It has status 200; the connector's own rules come first."""

from conn_engine.responses.failures.rules import Fail, Rule, Then
from conn_engine.settings import Answer

__all__ = ["GRAPHQL_RULES", "graphql_rules"]

_CODES = "$append($append(body.errors.extensions.code, body.errors.type), body.errors.code)"


def _any_code(*codes: str) -> str:
    return " or ".join(f"'{code}' in $codes" for code in codes)


def _build_rule(then: Then | str, *codes: str) -> Rule:
    return Rule(when=f"($codes := {_CODES}; {_any_code(*codes)})", then=then)  # type: ignore[arg-type]


GRAPHQL_RULES: tuple[Rule, ...] = (
    _build_rule("refresh_credentials", "UNAUTHENTICATED", "AUTHENTICATION_ERROR", "UNAUTHORIZED"),
    _build_rule("rate_limited", "THROTTLED", "RATE_LIMITED", "RATELIMITED", "TOO_MANY_REQUESTS"),
    _build_rule(Then(fail=Fail(kind="forbidden")), "FORBIDDEN", "ACCESS_DENIED", "INSUFFICIENT_SCOPES"),
    _build_rule(Then(fail=Fail(kind="not_found")), "NOT_FOUND"),
    _build_rule(
        Then(fail=Fail(kind="vendor_unavailable")), "INTERNAL_SERVER_ERROR", "INTERNAL_ERROR", "SERVICE_UNAVAILABLE"
    ),
    Rule(when="status < 300", then=Then(fail=Fail(kind="invalid_request"))),
)
"""Rules by the codes that GraphQL servers commonly return in `extensions.code`, `type` or `code`. Partial data is an
error too, unless a rule of the connector accepts it."""


def graphql_rules(answer: Answer) -> tuple[Rule, ...]:
    """Return the rules for a GraphQL response: none if it has no errors, so that a valid page costs nothing."""
    body = answer.body
    return GRAPHQL_RULES if isinstance(body, dict) and body.get("errors") else ()
