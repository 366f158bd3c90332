"""Least authority: what an environment or an account may not override.

Only the connector itself (the base level) and conn.yaml grant hosts, variables and places for secrets; an override can
narrow, never widen. Enforcing the hosts on the wire is the transport's door.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from conn_engine.config.endpoints import find_other_paths
from conn_engine.config.grants import Levels
from conn_engine.config.host_patterns import consent_hosts, host_pattern, is_on, is_url_place, urls_of
from conn_engine.config.merge import Path_, leaves, lookup
from conn_engine.config.models import Connector, Operation
from conn_engine.config.origins import Layer
from conn_engine.config.reads import find_reserved
from conn_engine.config.secret_places import find_moved_secrets, find_weaker_verification
from conn_engine.config.secret_texts import find_whole_environments, iterate_leaves, names_read
from conn_engine.diagnostics import Diagnostic, Severity, diagnostic, did_you_mean
from conn_engine.documents import format_path
from conn_engine.transport.hosts import is_covered

__all__ = ["declared_names", "find_widening"]

_NAMED = "name it in the connector's hosts, or in trusted_hosts of conn.yaml"


def declared_names(base: Mapping[str, Any], granted: Sequence[str]) -> tuple[str, ...]:
    """The environment variables that may be read: declared by the connector or conn.yaml, or used by the connector
    itself.
    """
    said = base.get("env")
    own = [str(name) for name in said] if isinstance(said, list) else []
    return tuple(dict.fromkeys([*own, *names_read(base), *granted]))


def find_widening(levels: Levels) -> list[Diagnostic]:
    """Overrides that ask for more than the connector grants, and those that conn.yaml allows (SEC117). Also a connector
    that authorizes its requests and grants no host."""
    found = [
        *_nowhere_to_go(levels),
        *_find_unlisted_urls(levels),
        *_hosts_asked(levels),
        *_urls_asked(levels),
        *_results_asked(levels),
    ]
    found += [*_answers_asked(levels), *_names_asked(levels)]
    known = {(finding.span, finding.path) for finding in found if finding.severity is Severity.ERROR}
    more = [*find_moved_secrets(levels), *find_weaker_verification(levels), *find_other_paths(levels)]
    return found + [finding for finding in more if (finding.span, finding.path) not in known]


def _nowhere_to_go(levels: Levels) -> Iterator[Diagnostic]:
    said = levels.base.get("authorization")
    if isinstance(said, dict) and said.get("format") != "none" and not levels.base_hosts:
        yield diagnostic(
            "SEC112",
            "requests are authorized, but no host may receive the credential",
            levels.layers[0].span(("base_url",)),
            path="base_url",
            hint="list the vendor's hosts under hosts, such as *.example.com",
        )


def _find_unlisted_urls(levels: Levels) -> Iterator[Diagnostic]:
    """SEC160: the connector's own URLs on hosts that its `hosts` leave out. A host that the account decides is in them
    if one that it may be is: an account may choose no other."""
    rest = {key: value for key, value in levels.base.items() if key != "unified"}
    is_authorized = any(path[-2:] == ("authorization", "format") and said != "none" for path, said in leaves(rest))
    if not isinstance(levels.base.get("hosts"), list) or not is_authorized:
        return
    for path, url in urls_of(levels.base):
        pattern = host_pattern(url) or ""
        chosen = pattern.startswith("*.") and any(host.endswith(pattern[1:]) for host in levels.hosts)
        if is_on(url, levels.hosts) is False and not chosen:
            yield diagnostic(
                "SEC160",
                f"{format_path(path)} leads to {host_pattern(url)}, and `hosts` lets no credential go there",
                levels.layers[0].span(path),
                path=format_path(path),
                hint=f"add {host_pattern(url)} to `hosts`, or remove `hosts`: the hosts of the URLs then apply",
            )


def _hosts_asked(levels: Levels) -> Iterator[Diagnostic]:
    for layer in levels.overrides:
        said = layer.data.get("hosts")
        for index, host in enumerate(said if isinstance(said, list) else []):
            if not is_covered(str(host), levels.hosts):
                message = f'cannot let credentials go to "{host}": the connector does not name it'
                yield levels.refusal("SEC110", layer, ("hosts", index), message, _NAMED)


def _urls_asked(levels: Levels) -> Iterator[Diagnostic]:
    for layer, path, value in _texts(levels):
        if is_url_place(path) and is_on(value, (*levels.hosts, *consent_hosts(levels.base))) is False:
            message = (
                f'has {format_path(path)} on "{host_pattern(value)}", where the connector\'s credentials may not go'
            )
            yield levels.refusal("SEC110", layer, path, message, _NAMED)


def _texts(levels: Levels) -> Iterator[tuple[Layer, Path_, str]]:
    for layer in levels.overrides:
        yield from ((layer, path, value) for path, value in iterate_leaves(layer.data) if isinstance(value, str))


def _results_asked(levels: Levels) -> Iterator[Diagnostic]:
    """A job's result may be fetched from any host. Where that is, an override could compute from the answers, and so
    hand links that are credentials themselves to a stranger."""
    for layer, path, value in _texts(levels):
        if path[:1] == ("resources",) and path[3:] in find_reserved(Operation) and value != lookup(levels.base, path):
            message = "cannot set where the result of a job is fetched from"
            yield levels.refusal("SEC110", layer, path, message, "set `url` of `download` in connector.yaml")


def _answers_asked(levels: Levels) -> Iterator[Diagnostic]:
    """Whoever sends a delivery gets its answer, and who is subscribed to, a secret of ours: an override that says how
    could hand one to anybody."""
    reserved = find_reserved(Connector)
    for layer in levels.overrides:
        for path, value in leaves({"webhooks": layer.data.get("webhooks", {})}):
            own = any(path[:length] in reserved for length in range(1, len(path) + 1))
            if own and value != lookup(levels.base, path):
                message = "cannot set how deliveries are answered or subscribed to"
                yield levels.refusal("SEC113", layer, path, message, "write it into connector.yaml")


def _names_asked(levels: Levels) -> Iterator[Diagnostic]:
    grants, own = levels.grants, declared_names(levels.base, ())
    names = (*own, *grants.variables, *grants.allowance.env)
    for layer in levels.overrides:
        said = layer.data.get("env")
        asked: dict[str, Path_] = dict(names_read(layer.data))
        asked |= {str(name): ("env", index) for index, name in enumerate(said if isinstance(said, list) else [])}
        for name, path in asked.items():
            if name not in names:
                message = f'reads the environment variable "{name}", which is not declared'
                hint = did_you_mean(name, names) or "declare it under env in connector.yaml or conn.yaml"
                yield levels.refusal("SEC111", layer, path, message, hint)
            elif name in grants.allowance.env and name not in own:
                message = f"reads the environment variable {name} in place of the connector's"
                yield levels.exception(layer, path, message)
        for path in find_whole_environments(layer.data):
            message = "reads the environment as a whole"
            yield levels.refusal("SEC111", layer, path, message, "name one variable: env.NAME")
