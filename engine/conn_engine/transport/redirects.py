"""Decide which hops a request makes, using the gateway and the rules for redirects. `live` sends them."""

import re
from collections.abc import Generator
from dataclasses import dataclass, replace

from conn_engine.errors import ConfigurationError, ConnError, TransportError
from conn_engine.secrets import Redactor
from conn_engine.transport import egress, gateway
from conn_engine.urls import join_url
from conn_engine.wire import Blob, Headers, Request

__all__ = ["Hop", "HopResponse", "build_host_error", "follow_redirects"]

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_FORWARDED_HEADERS = frozenset({"accept", "user-agent"})


@dataclass(frozen=True, slots=True)
class Hop:
    """One exchange to make."""

    target: gateway.RequestTarget
    method: str
    headers: tuple[tuple[str, str], ...]
    body: bytes | None
    payload: Blob | None = None
    redirected: bool = False


@dataclass(frozen=True, slots=True)
class HopResponse:
    """The response to a hop. `body` is decompressed; a large one is in `spool`. `url` is the hop's URL."""

    status: int
    headers: Headers
    body: bytes
    url: str
    spool: Blob | None = None


def follow_redirects(
    request: Request, redactor: Redactor, max_redirects: int, trusted: tuple[str, ...] = ()
) -> Generator[Hop, HopResponse, HopResponse]:
    """Yield hops, receive their responses, and return the last one.

    Within an origin, redirects are followed as they are. To another origin, only a GET or HEAD follows, without a body,
    only with the headers Accept and User-Agent, and only if its URL contains no known secret. Raises ConfigurationError
    from the gateway, and TransportError (not retryable) for a refused redirect. A redirect of a request that is passed
    on for its caller is the response.
    """
    goal = gateway.check_request(request, redactor)
    url = request.url
    hop = Hop(goal, request.method.upper(), request.headers.pairs, request.body, request.payload)
    for _ in range(max_redirects + 1):
        if reason := egress.judge_host(hop.target.origin, trusted):
            raise build_host_error(hop, request, reason)
        answer = yield hop
        location = answer.headers.get("location")
        if answer.status not in _REDIRECTS or not location or request.purpose == "passed":
            return replace(answer, url=url)
        url = join_url(url, location.strip())
        hop = _build_next_hop(request, hop, answer.status, url, redactor)
    raise _build_error(request, f"more than {max_redirects} redirects, the last to {_format_place(url)}")


def _build_next_hop(request: Request, hop: Hop, status: int, url: str, redactor: Redactor) -> Hop:
    try:
        goal = gateway.parse_target(url)
    except ConfigurationError as error:
        raise _build_error(
            request, f"a redirect to {_format_place(url)}, which is not a plain http or https URL"
        ) from error
    if hop.target.scheme == "https" and goal.scheme == "http":
        raise _build_error(request, f"a redirect from https to http, at {goal.authority}")
    method, keeps = _choose_method(request, hop, status, goal)
    if goal.origin == hop.target.origin:
        if keeps:
            return Hop(goal, method, hop.headers, hop.body, hop.payload, redirected=True)
        headers = tuple(pair for pair in hop.headers if not pair[0].lower().startswith("content-"))
        return Hop(goal, method, headers, None, redirected=True)
    if method not in ("GET", "HEAD"):
        raise _build_error(request, f"a {method} is redirected to another host, {goal.authority}")
    if redactor.find(url):
        raise _build_error(request, f"a redirect would send a credential to {goal.authority}")
    headers = tuple(pair for pair in hop.headers if pair[0].lower() in _FORWARDED_HEADERS)
    return Hop(goal, method, headers, None, redirected=True)


def _choose_method(request: Request, hop: Hop, status: int, goal: gateway.RequestTarget) -> tuple[str, bool]:
    """Return the next hop's method, and whether it has the body."""
    if hop.method in ("GET", "HEAD") or status in (307, 308):
        return hop.method, True
    if goal.origin != hop.target.origin or status == 301:
        # Browsers turn a moved POST into a GET: a write would silently become a read.
        raise _build_error(
            request,
            f"a {hop.method} is redirected to {goal.scheme}://{goal.authority}{goal.path.split('?')[0]}",
            hint="correct base_url or path: the address has changed",
        )
    return "GET", False


def build_host_error(hop: Hop, request: Request, reason: str) -> ConnError:
    """Build the error for a hop to a host that may not be reached. For a redirect, it is the vendor's error."""
    label = request.label or request.method
    if not hop.redirected:
        return egress.refuse_host(hop.target, reason, label)
    where = f"{hop.target.scheme}://{hop.target.authority}"
    return _build_error(request, f"a redirect to {where}, {reason}", hint=egress.suggest_fix(hop.target))


def _build_error(request: Request, problem: str, hint: str = "") -> TransportError:
    return TransportError(
        f"{request.label or request.method}: refused: {problem}", request=request, retryable=False, hint=hint
    )


def _format_place(url: str) -> str:
    """Return the scheme and host of a URL, for a message. The rest may be secret."""
    scheme, mark, rest = url.partition("://")
    if not mark:
        return f"{url.partition(':')[0][:20]}:"
    host = re.split(r"[/?#]", rest, maxsplit=1)[0].rpartition("@")[2]
    return f"{scheme[:20]}://{host[:80]}"
