"""Proxies from the environment (HTTPS_PROXY, NO_PROXY …): choose the proxy of a request, and limit what it may reach.

A proxy resolves names itself. They are also resolved and checked here, so that no request reaches an internal address
through it. If that is not possible, only the proxy's policy applies.
"""

import socket
import ssl
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote

from conn_engine.errors import ConfigurationError
from conn_engine.secrets import Redactor
from conn_engine.transport import egress, gateway
from conn_engine.transport.ip_ranges import parse_address
from conn_engine.urls import split_plain_url

if TYPE_CHECKING:
    import httpcore

    from conn_engine.transport.resolving import Resolver

__all__ = [
    "BehindProxy",
    "ProxyFailure",
    "build_proxy_failure",
    "choose_proxy",
    "complete_proxy_url",
    "make_proxy",
    "read_proxies",
    "show_proxy",
]

_LOOK_UP_SECONDS = 2.0
_REMEMBERED_SECONDS = 60.0
_CHECK_PROXY_VARIABLES = "check HTTPS_PROXY, HTTP_PROXY and ALL_PROXY; list hosts that need no proxy in NO_PROXY"


def read_proxies() -> dict[str, str]:
    """Return the proxies from the environment, by scheme."""
    from urllib.request import getproxies

    return {key: value for key, value in getproxies().items() if key in ("http", "https", "all", "no")}


def choose_proxy(goal: gateway.RequestTarget, proxies: Mapping[str, str]) -> str:
    """Return the URL of the proxy for a request, or "". Requests to this machine never use a proxy."""
    from urllib.request import proxy_bypass

    url = proxies.get(goal.scheme) or proxies.get("all") or ""
    if not url or gateway.is_loopback(goal.host) or proxy_bypass(f"{goal.host}:{goal.port}"):
        return ""
    return complete_proxy_url(url)


def complete_proxy_url(url: str) -> str:
    """Return the URL of a proxy with its scheme, which a variable may leave out."""
    return url if "://" in url else f"http://{url}"


def make_proxy(url: str, redactor: Redactor) -> "httpcore.Proxy":
    """Build a proxy for the HTTP library. Raises ConfigurationError for one that cannot be used."""
    import httpcore

    parts = split_plain_url(url)
    user = (unquote(parts.username or ""), unquote(parts.password or ""))
    redactor.add(user[1], "the proxy password")
    if parts.scheme.lower() not in ("http", "https"):
        raise ConfigurationError(
            f'the proxy "{show_proxy(url)}" cannot be used: only http:// and https:// are supported',
            hint=_CHECK_PROXY_VARIABLES,
        )
    try:
        return httpcore.Proxy(show_proxy(url), auth=user if parts.username else None)
    except Exception as error:
        raise ConfigurationError(
            f'the proxy "{show_proxy(url)}" cannot be used', hint=_CHECK_PROXY_VARIABLES
        ) from error


def show_proxy(url: str) -> str:
    """Return the URL of a proxy without user and password."""
    parts = split_plain_url(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


@dataclass(frozen=True, slots=True)
class ProxyFailure:
    """An error at a proxy, in one line, and its fix."""

    message: str
    hint: str = ""
    retryable: bool = False


def build_proxy_failure(
    error: Exception, cause: BaseException, url: str, goal: gateway.RequestTarget, connect_seconds: float
) -> ProxyFailure | None:
    """Describe the failure of an exchange if the proxy caused it; return None if it may be the vendor.

    `cause` is the innermost error. Of the proxy's response, only the status is shown.
    """
    import httpcore

    proxy = f"the proxy {show_proxy(url)}"
    if isinstance(error, httpcore.ProxyError):
        status = str(error)[:3]
        suffix = f" (status {status})" if status.isdigit() else ""
        hint = "it requires a user: write http://USER:PASSWORD@HOST:PORT" if status == "407" else _CHECK_PROXY_VARIABLES
        return ProxyFailure(f"{proxy} refuses to connect to {goal.authority}{suffix}", hint)
    if isinstance(error, httpcore.UnsupportedProtocol):
        return ProxyFailure(f"{proxy} speaks a protocol that is not supported", _CHECK_PROXY_VARIABLES)
    if isinstance(cause, socket.gaierror):
        return ProxyFailure(f"the host of {proxy} is unknown", _CHECK_PROXY_VARIABLES)
    if isinstance(error, httpcore.ConnectTimeout):
        return ProxyFailure(
            f"{proxy} does not connect to {goal.authority} within {connect_seconds:g} seconds",
            _CHECK_PROXY_VARIABLES,
            True,
        )
    if isinstance(error, httpcore.ConnectError) and isinstance(cause, ssl.SSLError):
        if not url.lower().startswith("https:"):
            return None  # TLS is the vendor's
        reason = cause.reason or "no reason given"
        return ProxyFailure(
            f"TLS failed ({reason}) with {proxy} or with {goal.authority}",
            "write http:// for a proxy without TLS, also in HTTPS_PROXY",
        )
    if isinstance(error, httpcore.ConnectError):
        refused = isinstance(cause, ConnectionRefusedError)
        reason = "it refuses the connection" if refused else getattr(cause, "strerror", None) or type(cause).__name__
        return ProxyFailure(
            f"cannot connect to {proxy}: {reason}", _CHECK_PROXY_VARIABLES, isinstance(cause, ConnectionResetError)
        )
    return None


class BehindProxy:
    """Checks the addresses of hosts that a proxy resolves. Each host is looked up at most once a minute."""

    def __init__(self, resolver: "Resolver | None", trusted: tuple[str, ...]) -> None:
        self._resolver = resolver
        self._trusted = trusted
        self._judged: dict[tuple[str, str, int], float] = {}

    def judge(self, goal: gateway.RequestTarget) -> None:
        """Raise AddressRefusal for a host that may not be reached."""
        import httpcore

        from conn_engine.transport.resolving import resolve, resolve_within

        if not self._is_due(goal):
            return
        addresses: Sequence[str] | None = None
        with suppress(httpcore.ConnectError, httpcore.ConnectTimeout):
            addresses = resolve_within(self._resolver or resolve, goal.host, goal.port, _LOOK_UP_SECONDS)
        self._judge(goal, addresses)

    async def ajudge(self, goal: gateway.RequestTarget) -> None:
        """Check a host like `judge`, for an event loop."""
        import httpcore

        from conn_engine.transport.resolving import aresolve_within, resolve

        if not self._is_due(goal):
            return
        addresses: Sequence[str] | None = None
        with suppress(httpcore.ConnectError, httpcore.ConnectTimeout):
            addresses = await aresolve_within(self._resolver or resolve, goal.host, goal.port, _LOOK_UP_SECONDS)
        self._judge(goal, addresses)

    def _is_due(self, goal: gateway.RequestTarget) -> bool:
        judged_until = self._judged.get(goal.origin, 0.0)
        return judged_until < time.monotonic() and parse_address(goal.host.strip("[]")) is None

    def _judge(self, goal: gateway.RequestTarget, addresses: Sequence[str] | None) -> None:
        """Check addresses; None is for a name that cannot be resolved here."""
        if addresses is not None:
            reason = egress.judge_addresses(goal.origin, addresses, self._trusted)
        else:
            reason = egress.judge_unresolved(goal.origin, self._trusted)
        if reason:
            raise egress.AddressRefusal(reason)
        self._judged[goal.origin] = time.monotonic() + _REMEMBERED_SECONDS
