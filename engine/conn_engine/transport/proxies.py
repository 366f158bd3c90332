"""Proxies that the environment names (HTTPS_PROXY, NO_PROXY …): which one a request uses, and what it may reach there.

A proxy resolves names itself. They are resolved here too and judged, so that no internal address is asked for through
it; where that does not work, the proxy's own policy decides.
"""

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING
from urllib.parse import unquote

from conn_engine.errors import ConfigurationError
from conn_engine.secrets import Redactor
from conn_engine.transport import door, egress
from conn_engine.transport.ip_ranges import parse_address
from conn_engine.urls import split_plain_url

if TYPE_CHECKING:
    import httpcore

    from conn_engine.transport.resolving import Resolver

__all__ = ["BehindProxy", "choose_proxy", "make_proxy", "read_proxies"]

_LOOK_UP_SECONDS = 2.0
_REMEMBERED_SECONDS = 60.0


def read_proxies() -> dict[str, str]:
    """The proxies that the environment names, by scheme."""
    from urllib.request import getproxies

    return {key: value for key, value in getproxies().items() if key in ("http", "https", "all", "no")}


def choose_proxy(goal: door.Target, proxies: Mapping[str, str]) -> str:
    """The URL of the proxy for a request; "" for none, which this machine always is."""
    from urllib.request import proxy_bypass

    url = proxies.get(goal.scheme) or proxies.get("all") or ""
    if not url or door.is_loopback(goal.host) or proxy_bypass(f"{goal.host}:{goal.port}"):
        return ""
    return url if "://" in url else f"http://{url}"


def make_proxy(url: str, redactor: Redactor) -> "httpcore.Proxy":
    """What the HTTP library takes for a proxy. Raises ConfigurationError for one that cannot be used."""
    import httpcore

    parts = split_plain_url(url)
    user = (unquote(parts.username or ""), unquote(parts.password or ""))
    bare = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
    redactor.add(user[1], "the proxy password")
    try:
        return httpcore.Proxy(bare, auth=user if parts.username else None)
    except Exception as error:
        raise ConfigurationError(f'the proxy "{bare}" cannot be used') from error


class BehindProxy:
    """Judges the addresses of hosts that a proxy resolves. Looks each of them up once a minute at most."""

    def __init__(self, resolver: "Resolver | None", trusted: tuple[str, ...]) -> None:
        self._resolver = resolver
        self._trusted = trusted
        self._judged: dict[tuple[str, str, int], float] = {}

    def judge(self, goal: door.Target) -> None:
        """Raise AddressRefusal for a host that may not be reached."""
        import httpcore

        from conn_engine.transport.resolving import resolve, resolve_within

        if not self._is_due(goal):
            return
        addresses: Sequence[str] | None = None
        with suppress(httpcore.ConnectError, httpcore.ConnectTimeout):
            addresses = resolve_within(self._resolver or resolve, goal.host, goal.port, _LOOK_UP_SECONDS)
        self._judge(goal, addresses)

    async def ajudge(self, goal: door.Target) -> None:
        """As `judge`, for an event loop."""
        import httpcore

        from conn_engine.transport.resolving import aresolve_within, resolve

        if not self._is_due(goal):
            return
        addresses: Sequence[str] | None = None
        with suppress(httpcore.ConnectError, httpcore.ConnectTimeout):
            addresses = await aresolve_within(self._resolver or resolve, goal.host, goal.port, _LOOK_UP_SECONDS)
        self._judge(goal, addresses)

    def _is_due(self, goal: door.Target) -> bool:
        judged_until = self._judged.get(goal.origin, 0.0)
        return judged_until < time.monotonic() and parse_address(goal.host.strip("[]")) is None

    def _judge(self, goal: door.Target, addresses: Sequence[str] | None) -> None:
        """`addresses` is None for a name that nobody here knows."""
        if addresses is not None:
            reason = egress.judge_addresses(goal.origin, addresses, self._trusted)
        else:
            reason = egress.judge_unresolved(goal.origin, self._trusted)
        if reason:
            raise egress.AddressRefusal(reason)
        self._judged[goal.origin] = time.monotonic() + _REMEMBERED_SECONDS
