"""What a deployment sets for the connect page: its public address, where it may return to, and what may embed it."""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from conn_engine.errors import UsageError
from conn_engine.urls import split_plain_url

__all__ = ["ConnectSettings", "build_connect_settings", "parse_origin"]

_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_LONGEST_URL = 2_000


@dataclass(frozen=True, slots=True)
class ConnectSettings:
    """`public_url` is the address of the service for browsers, without a slash at its end. `application` is its name
    for customers. `return_origins` may be returned to, and `frame_origins` may embed the page."""

    public_url: str
    application: str = ""
    return_origins: tuple[str, ...] = ()
    frame_origins: tuple[str, ...] = ()

    @property
    def origin(self) -> str:
        """The origin of the public address."""
        return parse_origin(self.public_url)

    @property
    def path(self) -> str:
        """The path of the public address, "" at the top."""
        return split_plain_url(self.public_url).path.rstrip("/")

    @property
    def is_secure(self) -> bool:
        """Whether browsers reach the service over https."""
        return self.public_url.startswith("https://")

    def build_link(self, text: str) -> str:
        """Return the URL of a link."""
        return f"{self.public_url}/connect/{text}"

    def check_return_url(self, url: str) -> str:
        """Return the URL. Raises UsageError if no page of the deployment may be left for it."""
        origin = parse_origin(url)
        if origin not in self.return_origins:
            allowed = ", ".join(self.return_origins) or "none"
            raise UsageError(
                f"the service does not return to {origin}",
                hint=f"allow it: conn serve --return-origin {origin} (allowed: {allowed})",
            )
        return url

    def build_return_url(self, url: str, status: str) -> str:
        """Return where a browser continues, with the result; "" if that is not allowed any more."""
        try:
            parts = split_plain_url(self.check_return_url(url))
        except UsageError:
            return ""
        query = "&".join(part for part in (parts.query, urlencode({"connect_status": status})) if part)
        return parts._replace(query=query).geturl()


def build_connect_settings(
    public_url: str, application: str = "", return_origins: Sequence[str] = (), frame_origins: Sequence[str] = ()
) -> ConnectSettings:
    """Check and normalize what a deployment sets. Raises UsageError."""
    parse_origin(public_url)
    parts = split_plain_url(public_url)
    if parts.query or parts.fragment:
        raise UsageError(f"the public URL {public_url} has a query or a fragment", hint="pass only its origin and path")
    return ConnectSettings(
        public_url.rstrip("/"),
        application.strip(),
        tuple(parse_origin(origin) for origin in return_origins),
        tuple(parse_origin(origin) for origin in frame_origins),
    )


def parse_origin(url: str) -> str:
    """Return the origin of a URL, such as `https://app.example.com:8443`.

    Raises UsageError unless it is an absolute https URL (http is allowed on this machine) of ordinary characters:
    whatever splits a header, hides a host or is read differently by browsers is refused.
    """
    parts = split_plain_url(url)
    host = parts.hostname or ""
    try:
        port = parts.port
    except ValueError:
        host, port = "", None
    is_plain = url.isascii() and url.isprintable() and not any(sign in url for sign in " \\\"'<>`^{|}")
    is_allowed = parts.scheme == "https" or (parts.scheme == "http" and host in _LOOPBACK)
    if not (is_plain and host and is_allowed) or len(url) > _LONGEST_URL or "@" in parts.netloc or "*" in host:
        shown = url[:100] if url.isprintable() else repr(url[:100])
        raise UsageError(
            f"{shown} is not an absolute https URL of ordinary characters",
            hint="pass a URL such as https://app.example.com (http only for this machine)",
        )
    shown_host = f"[{host}]" if ":" in host else host
    usual = {"https": 443, "http": 80}[parts.scheme]
    return f"{parts.scheme}://{shown_host}" + (f":{port}" if port not in (None, usual) else "")
