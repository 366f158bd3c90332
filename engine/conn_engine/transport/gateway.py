"""The gateway decides which hosts a request may go to. It sends nothing; `live` calls it before every hop.

A host pattern is a host name in which `*` stands for a label or a part of it, with an optional port:
`api.example.com`, `*.example.com`, `example.com:8443`, `127.0.0.1:*`. Without a port, it means the scheme's default.
Credentials are only sent over https, except to this machine, or if a pattern contains `http://`.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

from conn_engine.errors import ConfigurationError, CredentialError
from conn_engine.secrets import Redactor
from conn_engine.transport.hosts import BoundHosts, is_match
from conn_engine.wire import Blob, Request

__all__ = [
    "RequestTarget",
    "check_request",
    "encode_url",
    "is_loopback",
    "is_permitted",
    "is_target",
    "parse_target",
    "to_pattern",
]

_URL = re.compile(r"(?i)(https?)://(\[[0-9a-f:.]+\]|[^/?#\\@\[\]:\s]+)(?::([0-9]{1,5}))?(?=[/?#]|$)([^#]*)")
_HOST = re.compile(r"[a-z0-9_](?:[a-z0-9._-]*[a-z0-9_])?\.?|\[[0-9a-f:.]+\]")
_PATTERN = re.compile(r"(?:(https?)://)?(\[[0-9a-f:.*]+\]|[a-z0-9._*-]+)(?::([0-9]{1,5}|\*))?/?")
_UNSAFE = re.compile(r"[^\x21-\x7e]")
_BEFORE_PATH = re.compile(r"[^:/?#]+://[^/?#]*")
_WINDOW = 1024 * 1024
_OVERLAP = 64 * 1024
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class RequestTarget:
    """The parts of a URL. `path` is the path and query in the request line, and never empty."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def origin(self) -> tuple[str, str, int]:
        """The scheme, host and port."""
        return (self.scheme, self.host, self.port)

    @property
    def explicit_port(self) -> int | None:
        """The port, if it is not the scheme's default."""
        return None if self.port == _PORTS[self.scheme] else self.port

    @property
    def authority(self) -> str:
        """Host and explicit port: the Host header."""
        port = self.explicit_port
        return self.host if port is None else f"{self.host}:{port}"


def parse_target(url: str) -> RequestTarget:
    """Split a URL. Raises ConfigurationError unless it is a plain absolute http or https URL.

    It is strict, so that all readers agree about the host: no user information, backslashes or non-ASCII names.
    """
    match = _URL.match(url)
    if match is None:
        raise ConfigurationError(
            f"{_format_url(url)} is not an absolute http or https URL",
            hint="write a URL such as https://api.example.com/path, without a user name and password",
        )
    scheme, host, port, path = match.groups()
    scheme, host = scheme.lower(), _check_host_name(host)
    number = int(port) if port else _PORTS[scheme]
    if number > 65535:
        raise ConfigurationError(f"{_format_url(url)} has a port above 65535", hint="correct the port in the URL")
    path = encode_url(path)
    return RequestTarget(scheme, host, number, path if path.startswith("/") else f"/{path}")


def is_target(url: str) -> bool:
    """Return whether `parse_target` accepts a URL. URLs of documents and vendors may be invalid."""
    try:
        parse_target(url)
    except ConfigurationError:
        return False
    return True


def encode_url(url: str) -> str:
    """Return a URL, or its path and query, as it is sent, with invalid characters percent-encoded."""
    if not _UNSAFE.search(url):
        return url
    host = _BEFORE_PATH.match(url)
    offset = host.end() if host else 0
    return url[:offset] + _UNSAFE.sub(lambda found: "".join(f"%{byte:02X}" for byte in found[0].encode()), url[offset:])


@lru_cache(maxsize=256)
def _check_host_name(text: str) -> str:
    host = text.lower()
    if not host.isascii():
        raise ConfigurationError(
            f'the host "{text}" is not ASCII', hint='write it in its encoded form, which starts with "xn--"'
        )
    if not _HOST.fullmatch(host) or ".." in host:
        raise ConfigurationError(f'"{text}" is not a host name', hint="correct the host in the URL")
    return host


@lru_cache(maxsize=256)
def is_loopback(host: str) -> bool:
    """Return whether a host is this machine: `localhost`, names below it, 127.0.0.0/8 and ::1."""
    name = host.rstrip(".")
    if name == "localhost" or name.endswith(".localhost") or name == "[::1]":
        return True
    return re.fullmatch(r"127(?:\.[0-9]{1,3}){3}", name) is not None


@lru_cache(maxsize=1024)
def is_permitted(origin: tuple[str, str, int], hosts: tuple[str, ...]) -> bool:
    """Return whether a credential may be sent to this scheme, host and port."""
    return any(_matches(origin, pattern) for pattern in hosts)


def _matches(origin: tuple[str, str, int], text: str) -> bool:
    scheme, host, port = origin
    pattern = _PATTERN.fullmatch(text.strip().lower())
    if pattern is None:
        return False
    wanted_host, name, wanted_port = pattern.groups()
    if wanted_host is not None and wanted_host != scheme:
        return False
    if scheme != "https" and wanted_host is None and not is_loopback(host):
        return False
    if wanted_port is None and port != _PORTS[scheme]:
        return False
    if wanted_port not in (None, "*") and port != int(wanted_port):
        return False
    return is_match(name.rstrip("."), host.rstrip("."))


def to_pattern(goal: RequestTarget) -> str:
    """Return the host pattern that matches only this target."""
    plain = goal.scheme == "http" and not is_loopback(goal.host)
    return f"http://{goal.authority}" if plain else goal.authority


def check_request(request: Request, redactor: Redactor, to: RequestTarget | None = None) -> RequestTarget:
    """Return the request's target. Raises ConfigurationError if the request may not go there with its content.

    A request to one of its own `hosts` passes. Other requests may not be `authorized` or contain a known secret in the
    URL, headers or body. Pass `to` if `request.url` has been parsed already.
    """
    goal = to or parse_target(request.url)
    if is_permitted(goal.origin, request.hosts):
        return goal
    secrets = ["a credential"] if request.authorized else _find_secrets(request, redactor)
    if secrets and isinstance(request.hosts, BoundHosts) and is_permitted(goal.origin, request.hosts.withheld):
        raise _build_login_error(request, request.hosts, goal)
    if secrets:
        raise ConfigurationError(
            f"{request.label or request.method} would send {secrets[0]} to {goal.scheme}://{goal.authority}, "
            f"which is not a host of the connector",
            hint=_suggest_fix(goal, request.hosts),
            category="host",
        )
    return goal


def _build_login_error(request: Request, hosts: BoundHosts, goal: RequestTarget) -> CredentialError:
    return CredentialError(
        f'{request.label or request.method} would go to {goal.authority}; the credential of "{hosts.account}" is for '
        f"{', '.join(hosts.stored_for) or 'no host'}",
        hint=f"to use another host, log in again: conn auth login {hosts.account}",
    )


def _find_secrets(request: Request, redactor: Redactor) -> list[str]:
    names_in_url = redactor.find(request.url)
    for name, value in request.headers.pairs:
        names_in_url = names_in_url or redactor.find(f"{name}: {value}")
    names_in_url = names_in_url or (redactor.find(request.body) if request.body else [])
    return names_in_url if names_in_url or request.payload is None else _find_in_payload(request.payload, redactor)


def _find_in_payload(payload: Blob, redactor: Redactor) -> list[str]:
    with payload.open() as reader:
        window = b""
        while piece := reader.read(_WINDOW):
            window = window[-_OVERLAP:] + piece
            if names := redactor.find(window):
                return names
    return []


def _suggest_fix(goal: RequestTarget, hosts: tuple[str, ...]) -> str:
    allowed = f"credentials may go to {', '.join(hosts)}" if hosts else "no host may receive credentials"
    plain = goal.scheme == "http" and not is_loopback(goal.host)
    if plain and is_permitted(("https", goal.host, _PORTS["https"] if goal.port == 80 else goal.port), hosts):
        return f"{allowed}, over https: write https:// in base_url"
    return f'{allowed}; to allow this one, add "{to_pattern(goal)}" to trusted_hosts in conn.yaml'


def _format_url(url: str) -> str:
    """Return a URL for a message: shortened, without user information and query."""
    bare = re.sub(r"//[^/]*@", "//", re.split(r"[?#]", url, maxsplit=1)[0])
    return f'"{bare[:80]}"'
