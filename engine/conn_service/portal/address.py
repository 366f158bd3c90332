"""Where browsers reach the portal, and so which requests and cookies are its own."""

from dataclasses import dataclass
from typing import Final

from conn_engine.urls import split_plain_url
from conn_service.connect.settings import ConnectSettings

__all__ = ["PORTAL", "PortalAddress"]

PORTAL: Final = "/portal"
_LOCAL: Final = ("127.0.0.1", "localhost")


@dataclass(frozen=True, slots=True)
class PortalAddress:
    """The public address of the service, without a slash at its end."""

    settings: ConnectSettings

    @property
    def root(self) -> str:
        """The path that all pages are below, as browsers see it."""
        return f"{self.settings.path}{PORTAL}"

    @property
    def url(self) -> str:
        """The URL of the portal."""
        return f"{self.settings.public_url}{PORTAL}"

    @property
    def is_secure(self) -> bool:
        """Whether browsers reach it over https."""
        return self.settings.is_secure

    @property
    def cookie(self) -> str:
        """The name of the cookie of a session. Browsers accept one with this prefix only over https, for this host and
        from it. On this machine, the name has the port, because browsers send cookies to every port."""
        return "__Host-conn-portal" if self.is_secure else f"conn-portal-{split_plain_url(self.settings.origin).port}"

    def find_origin(self, host: str) -> str | None:
        """Return the origin of a Host header, None if it is not that of the portal."""
        parts = split_plain_url(self.settings.origin)
        hosts = {parts.netloc}
        if parts.hostname in _LOCAL and not self.is_secure:
            hosts |= {f"{name}:{parts.port}" for name in _LOCAL}
        return f"{parts.scheme}://{host}" if host in hosts else None
