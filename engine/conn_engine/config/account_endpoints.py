"""What conn.yaml allows the endpoints of accounts. A customer may have written an account, so it must neither reach
other services nor read secrets."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from conn_engine.config.delivery_models import AccountEndpoint
from conn_engine.config.models import WorkspaceSettings
from conn_engine.errors import ConfigurationError
from conn_engine.transport.egress import Trust, judge_host
from conn_engine.transport.gateway import RequestTarget, is_permitted, parse_target, to_pattern

__all__ = ["EndpointFault", "find_endpoint_faults", "limit_trust"]

_ANY_HOST = "*"
_ADD = "add it to conn.yaml: endpoint_secrets: {{ {account}: [{variable}] }}; or store one: conn endpoint rotate"
_NAME = re.compile(r"\benv\.([A-Za-z_]\w*)")


@dataclass(frozen=True, slots=True)
class EndpointFault:
    """What an endpoint of an account must not do, with the key that does it, "" for the endpoint itself."""

    key: str
    message: str
    hint: str


def find_endpoint_faults(
    settings: WorkspaceSettings, account: str, endpoints: Mapping[str, AccountEndpoint], name: str
) -> list[EndpointFault]:
    """Return why an account must not have one of its endpoints, empty if it may."""
    faults, endpoint = [], endpoints[name]
    most = settings.endpoints_per_account
    if [*endpoints].index(name) >= most:
        message = f"the account has {len(endpoints)} endpoints, and conn.yaml allows {most} for each account"
        faults.append(EndpointFault("", message, "remove some, or set endpoints_per_account in conn.yaml"))
    try:
        target = parse_target(endpoint.url)
    except ConfigurationError as error:
        faults.append(EndpointFault("url", error.message, error.hint or ""))
    else:
        faults += [fault for fault in [_judge_target(settings, target)] if fault is not None]
    for key, text in (("secret", endpoint.secret), ("previous_secret", endpoint.previous_secret)):
        for variable in _NAME.findall(text or ""):
            if variable not in settings.endpoint_secrets.get(account, ()):
                message = f'the endpoint reads "{variable}", which conn.yaml does not list as a secret of this account'
                faults.append(EndpointFault(key, message, _ADD.format(account=account, variable=variable)))
    return faults


def limit_trust(trust: Trust, settings: WorkspaceSettings) -> Trust:
    """Return what requests to endpoints of accounts may reach: an internal host only if conn.yaml lists it twice, for
    endpoints of accounts too."""
    hosts = _list_hosts(settings)
    return Trust(tuple(host for host in trust.hosts if host in hosts), trust.certificates)


def _judge_target(settings: WorkspaceSettings, target: RequestTarget) -> EndpointFault | None:
    if is_permitted(target.origin, _list_hosts(settings)):
        return None
    pattern = to_pattern(target)
    if _ANY_HOST in settings.endpoint_hosts:
        reason = judge_host(target.origin, ())
        if target.scheme == "https" and not reason:
            return None
        if not reason:
            return EndpointFault("url", f"the endpoint of an account is on {pattern}, without TLS", "use https")
        message = f"the endpoint of an account is on {pattern}, {reason}"
    else:
        message = f"the endpoint of an account is on {pattern}, which conn.yaml does not allow"
    return EndpointFault("url", message, f'add "{pattern}" to endpoint_hosts in conn.yaml, or use another host')


def _list_hosts(settings: WorkspaceSettings) -> tuple[str, ...]:
    """Return the patterns of `endpoint_hosts`. `*` is not one of them: the gateway would match internal names."""
    return tuple(host.lower() for host in settings.endpoint_hosts if host != _ANY_HOST)
