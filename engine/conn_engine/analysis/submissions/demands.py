"""What a connector asks for: the hosts that its requests go to, and the environment variables that it reads."""

from conn_engine.analysis.submissions.verdict import Demands
from conn_engine.config import Effective
from conn_engine.config.host_patterns import base_hosts, consent_hosts, host_pattern, urls_of

__all__ = ["find_demands"]


def find_demands(effective: Effective) -> Demands:
    """Return the hosts and variables of a connector's base level, sorted: those of requests with and without a
    credential, of consent pages, and of what a webhook delivery causes."""
    data = effective.data
    listed = {*base_hosts(data), *consent_hosts(data), *effective.issued_hosts()}
    urls = {host for _, url in urls_of(data) if (host := host_pattern(url))}
    return Demands(hosts=sorted(listed | urls), environment=sorted(effective.env_names))
