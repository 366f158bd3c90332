"""Finds the requests of a replay that a live run would refuse. Replays send nothing and do not pass the gateway."""

from collections.abc import Iterator
from contextlib import suppress

from conn_engine.config import Effective
from conn_engine.config.host_patterns import effective_hosts
from conn_engine.diagnostics import Diagnostic, diagnostic
from conn_engine.errors import ConfigurationError, ConnError
from conn_engine.runtime.variants import base_url, in_context
from conn_engine.testing.cases import Case, Outcome, SentRequest
from conn_engine.transport import gateway
from conn_engine.transport.egress import judge_host, refuse_host

__all__ = ["find_credential_refusal", "find_refusal"]


def find_refusal(effective: Effective, outcome: Outcome, recorded_base: str) -> ConnError | None:
    """Return why a live run would refuse one of the requests of a replay; None if it would send them all.

    Requests to the host of the recording, such as a recorded link, are ignored.
    """
    try:
        for request, goal in _iterate_goals(effective, outcome, recorded_base):
            label = f"{request.method} {goal.path.partition('?')[0]}"
            if reason := judge_host(goal.origin, effective.trusted_hosts):
                return refuse_host(goal, reason, label)
            if request.authorized and not gateway.is_permitted(goal.origin, effective.hosts):
                return ConfigurationError(f"{label} may not send a credential to {goal.authority}")
    except ConfigurationError as error:
        return error
    return None


def find_credential_refusal(effective: Effective, case: Case, outcome: Outcome) -> Diagnostic | None:
    """Report TST109 for the first request that sends the credential to a host that is not allowed. This is only
    possible if the connector sets `hosts`: the default is the hosts of its URLs.

    The `hosts` of accounts and environments are ignored, since the recording may be another account's.
    """
    if not isinstance(effective.layers[0].data.get("hosts"), list):
        return None
    hosts = effective_hosts(effective.layers[:1], effective.grants.trusted_hosts)
    effective = in_context(effective, case.recording.context)
    with suppress(ConfigurationError):  # a URL that no request can go to is reported where it is built
        for request, goal in _iterate_goals(effective, outcome, case.recording.base_url):
            if request.authorized and not gateway.is_permitted(goal.origin, hosts):
                return diagnostic(
                    "TST109",
                    f"{request.method} {goal.path.partition('?')[0]} sends the credential to {goal.authority}, "
                    f"which is not in `hosts` ({', '.join(hosts) or 'no host'})",
                    effective.layers[0].span(("hosts",)),
                    path="hosts",
                    hint=f'correct the URL, or add "{goal.authority}" to `hosts` in connector.yaml; a live run refuses '
                    "the request",
                )
    return None


def _iterate_goals(
    effective: Effective, outcome: Outcome, recorded_base: str
) -> Iterator[tuple[SentRequest, gateway.RequestTarget]]:
    """Yield each request with its target, except those to the host of the recording. Raises ConfigurationError for an
    invalid target."""
    if not outcome.sent:
        return
    own_origin, recorded = _find_origin(base_url(effective)), _find_origin(recorded_base)
    for request in outcome.sent:
        goal = gateway.parse_target(request.whole_url)
        if goal.origin != recorded or recorded == own_origin:
            yield request, goal


def _find_origin(url: str) -> tuple[str, str, int] | None:
    return gateway.parse_target(url).origin if gateway.is_target(url) else None
