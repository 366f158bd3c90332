"""Least authority: what an environment or an account may not override.

Only the connector itself (the base level) and conn.yaml grant hosts, variables and placements of secrets. An override
can narrow them, but not widen them. The transport's gateway enforces the hosts.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from conn_engine.auth import NoAuthorization
from conn_engine.config.convert import ConversionError
from conn_engine.config.dotted_places import format_place
from conn_engine.config.endpoints import find_other_paths
from conn_engine.config.grants import Levels
from conn_engine.config.host_patterns import consent_hosts, host_pattern, is_on, is_url_place, urls_of
from conn_engine.config.inheritance import follows_credentials
from conn_engine.config.merge import Path_, leaves, lookup
from conn_engine.config.models import Connector, Operation
from conn_engine.config.operations import find_implied_authorization
from conn_engine.config.origins import Layer
from conn_engine.config.reads import find_reserved
from conn_engine.config.secret_places import find_moved_secrets, find_weaker_verification
from conn_engine.config.secret_texts import find_whole_environments, iterate_leaves, names_read
from conn_engine.diagnostics import Diagnostic, Severity, diagnostic, did_you_mean
from conn_engine.transport.hosts import is_covered

__all__ = ["declared_names", "find_widening"]

_NAMED = "add it to the connector's hosts, or to trusted_hosts in conn.yaml"


def declared_names(base: Mapping[str, Any], granted: Sequence[str]) -> tuple[str, ...]:
    """Return the environment variables that may be read: declared by the connector or conn.yaml, or used by the
    connector itself."""
    declared = base.get("env")
    names = [str(name) for name in declared] if isinstance(declared, list) else []
    return tuple(dict.fromkeys([*names, *names_read(base), *granted]))


def find_widening(levels: Levels) -> list[Diagnostic]:
    """Return findings for overrides that need more than the connector grants, for those that conn.yaml allows (SEC117),
    and for a connector that authorizes its requests but grants no host."""
    findings = [
        *_find_missing_hosts(levels),
        *_find_unlisted_urls(levels),
        *_find_widened_hosts(levels),
        *_find_widened_urls(levels),
        *_find_moved_results(levels),
    ]
    findings += [*_find_changed_replies(levels), *_find_undeclared_variables(levels)]
    reported = {(finding.span, finding.path) for finding in findings if finding.severity is Severity.ERROR}
    more = [*find_moved_secrets(levels), *find_weaker_verification(levels), *find_other_paths(levels)]
    return findings + [finding for finding in more if (finding.span, finding.path) not in reported]


def _find_missing_hosts(levels: Levels) -> Iterator[Diagnostic]:
    if _is_authorized(levels.base.get("authorization"), levels.base) and not levels.base_hosts:
        yield diagnostic(
            "SEC112",
            "requests are authorized, but no host may receive the credential",
            levels.layers[0].span(("base_url",)),
            path="base_url",
            hint="list the vendor's hosts under hosts, for example *.example.com",
        )


def _is_authorized(authorization: Any, base: Mapping[str, Any]) -> bool:
    """Return whether requests without an operation are authorized."""
    if isinstance(authorization, dict):
        return authorization.get("format") != "none"
    with suppress(ConversionError):  # a finding of its own
        return follows_credentials(base) and find_implied_authorization(base) != NoAuthorization()
    return False


def _find_unlisted_urls(levels: Levels) -> Iterator[Diagnostic]:
    """Find the connector's own URLs on hosts that its `hosts` leave out (SEC160). A host that depends on the account
    counts as listed if one of its possible values is: an account cannot choose another."""
    rest = {key: value for key, value in levels.base.items() if key != "unified"}
    is_authorized = any(
        path[-2:] == ("authorization", "format") and format_name != "none" for path, format_name in leaves(rest)
    )
    is_authorized = is_authorized or _is_authorized(None, levels.base)
    if not isinstance(levels.base.get("hosts"), list) or not is_authorized:
        return
    for path, url in urls_of(levels.base):
        pattern = host_pattern(url) or ""
        chosen = pattern.startswith("*.") and any(host.endswith(pattern[1:]) for host in levels.hosts)
        if is_on(url, levels.hosts) is False and not chosen:
            yield diagnostic(
                "SEC160",
                f"{format_place(path)} is on {host_pattern(url)}, which `hosts` does not allow to receive a credential",
                levels.layers[0].span(path),
                path=format_place(path),
                hint=f"add {host_pattern(url)} to `hosts`, or remove `hosts` to allow the hosts of the "
                "connector's URLs",
            )


def _find_widened_hosts(levels: Levels) -> Iterator[Diagnostic]:
    for layer in levels.overrides:
        hosts = layer.data.get("hosts")
        for index, host in enumerate(hosts if isinstance(hosts, list) else []):
            if not is_covered(str(host), levels.hosts):
                message = f'cannot send credentials to "{host}": the connector does not list this host'
                yield levels.refusal("SEC110", layer, ("hosts", index), message, _NAMED)


def _find_widened_urls(levels: Levels) -> Iterator[Diagnostic]:
    for layer, path, value in _texts(levels):
        if is_url_place(path) and is_on(value, (*levels.hosts, *consent_hosts(levels.base))) is False:
            message = (
                f'has {format_place(path)} on "{host_pattern(value)}", a host that may not receive the '
                "connector's credentials"
            )
            yield levels.refusal("SEC110", layer, path, message, _NAMED)


def _texts(levels: Levels) -> Iterator[tuple[Layer, Path_, str]]:
    for layer in levels.overrides:
        yield from ((layer, path, value) for path, value in iterate_leaves(layer.data) if isinstance(value, str))


def _find_moved_results(levels: Levels) -> Iterator[Diagnostic]:
    """Find overrides of the URL that a job's result is fetched from. It may be on any host, so an override could
    compute it from responses and pass on links that are credentials themselves."""
    for layer, path, value in _texts(levels):
        if path[:1] == ("resources",) and path[3:] in find_reserved(Operation) and value != lookup(levels.base, path):
            message = "cannot set the URL that the result of a job is fetched from"
            yield levels.refusal("SEC110", layer, path, message, "set `url` of `download` in connector.yaml")


def _find_changed_replies(levels: Levels) -> Iterator[Diagnostic]:
    """Find overrides of the replies to deliveries and of the subscription. The sender of a delivery receives the reply,
    and the vendor receives our secret when subscribing: an override could send either to anyone."""
    reserved = find_reserved(Connector)
    for layer in levels.overrides:
        for path, value in leaves({"webhooks": layer.data.get("webhooks", {})}):
            is_reserved = any(path[:length] in reserved for length in range(1, len(path) + 1))
            if is_reserved and value != lookup(levels.base, path):
                message = "cannot set how to reply to deliveries or how to subscribe to them"
                yield levels.refusal("SEC113", layer, path, message, "move it to connector.yaml")


def _find_undeclared_variables(levels: Levels) -> Iterator[Diagnostic]:
    grants, connector_names = levels.grants, declared_names(levels.base, ())
    names = (*connector_names, *grants.variables, *grants.allowance.env)
    for layer in levels.overrides:
        declared = layer.data.get("env")
        variables: dict[str, Path_] = dict(names_read(layer.data))
        variables |= {
            str(name): ("env", index) for index, name in enumerate(declared if isinstance(declared, list) else [])
        }
        for name, path in variables.items():
            if name not in names:
                message = f'reads the environment variable "{name}", which is not declared'
                declare = "add it to env in connector.yaml or conn.yaml, or to allow.env of one environment"
                suggestion = did_you_mean(name, names)
                hint = f"{suggestion} If not, {declare}" if suggestion else declare
                yield levels.refusal("SEC111", layer, path, message, hint)
            elif name in grants.allowance.env and name not in connector_names:
                message = f"reads the environment variable {name} instead of the connector's"
                yield levels.exception(layer, path, message)
        for path in find_whole_environments(layer.data):
            message = "reads the complete environment"
            yield levels.refusal("SEC111", layer, path, message, "use one variable: env.NAME")
