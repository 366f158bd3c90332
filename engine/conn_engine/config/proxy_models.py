"""The settings of the service's proxy in conn.yaml: which requests of a caller's own it passes to a vendor.

They are not part of a connector, an environment or an account, so that neither an update nor an override opens more.
"""

from typing import Annotated, Final, Literal

from msgspec import Meta

from conn_engine.roles import TEXT
from conn_engine.settings import Settings

__all__ = ["NEVER_PASSED", "ProxyPath", "ProxySettings", "fault_of_header"]

PROXY_PATH: Final = r"^(/(\*|[A-Za-z0-9._~!$&'()+,=:@-]+))*(/\*\*)?$"
HEADER_NAME: Final = r"^[A-Za-z][A-Za-z0-9-]*$"
NEVER_PASSED: Final = frozenset({
    "accept-encoding", "authorization", "conn-account", "connection", "content-encoding", "content-length", "cookie",
    "expect", "forwarded", "host", "if-range", "keep-alive", "origin", "range", "referer", "te", "trailer",
    "transfer-encoding", "upgrade", "via", "x-http-method", "x-http-method-override", "x-method-override",
    "x-original-url", "x-real-ip", "x-rewrite-url",
})  # fmt: skip
"""Headers that say who calls, that only concern one connection, or that change which request is meant."""


def fault_of_header(name: str) -> str:
    """Return what is wrong with an entry of `headers` that matches its pattern; "" for a valid one."""
    lower = name.lower()
    is_refused = lower in NEVER_PASSED or lower.startswith(("x-forwarded-", "proxy-", "sec-", "access-control-"))
    return f'the proxy never passes the header "{name}" on' if is_refused else ""


class ProxyPath(Settings, frozen=True, kw_only=True):
    """Requests that the proxy passes on."""

    path: Annotated[
        str,
        Meta(
            description="Path below the connector's base URL. `*` is one segment, and `**` at the end is the rest.",
            pattern=PROXY_PATH,
            min_length=1,
            max_length=500,
            extra=TEXT,
        ),
    ]
    methods: Annotated[
        tuple[Literal["get", "post", "put", "patch", "delete"], ...],
        Meta(description="Methods that callers may use. `get` includes HEAD."),
    ] = ("get",)


class ProxySettings(Settings, frozen=True, kw_only=True):
    """What the proxy passes on to the vendor of one connector."""

    paths: Annotated[tuple[ProxyPath, ...], Meta(description="The requests. Nothing else is passed on.")]
    headers: Annotated[
        tuple[Annotated[str, Meta(pattern=HEADER_NAME, max_length=100)], ...],
        Meta(description="Headers of the caller that are sent too, such as `x-properties`.", extra=TEXT),
    ] = ()

    def __post_init__(self) -> None:
        for name in self.headers:
            if fault := fault_of_header(name):
                raise ValueError(fault)
