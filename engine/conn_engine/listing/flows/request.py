"""A request in addition to an operation's own: of a step before or after it, or of an enrichment."""

from typing import Annotated, Any

from msgspec import Meta

from conn_engine.bodies import BodyFormat
from conn_engine.roles import OUTER, base_url_over, path_over
from conn_engine.settings import Settings

__all__ = ["StepRequest"]


class StepRequest(Settings, frozen=True, kw_only=True):
    """A request of a step: an operation of the connector (`resource`, `method`), or one declared here (`method`,
    `path`)."""

    resource: Annotated[str | None, Meta(description="Resource of the vendor operation to call.")] = None
    method: Annotated[
        str | None,
        Meta(description="With `resource`: the operation's name. With `path`: the HTTP method, default get."),
    ] = None
    path: Annotated[
        str | None, Meta(description="Path after base_url, for a request declared here.", extra=path_over(OUTER))
    ] = None
    base_url: Annotated[
        Annotated[str, Meta(pattern=r"^(https?://|\{\{)\S", max_length=2000)] | None,
        Meta(description="With `path`: start of the URL, instead of the connector's.", extra=base_url_over(OUTER)),
    ] = None
    id: Annotated[Any, Meta(description="The `id` of the call.")] = None
    params: Annotated[
        dict[str, Any] | None, Meta(description="Additional values for the operation's path, by name.")
    ] = None
    query: Annotated[dict[str, Any] | None, Meta(description="Query parameters.")] = None
    headers: Annotated[dict[str, Any] | None, Meta(description="Request headers.")] = None
    body: Annotated[Any, Meta(description="Request body.")] = None
    body_format: Annotated[BodyFormat, Meta(description="Format of the body.")] = "json"

    def __post_init__(self) -> None:
        if (self.resource is None) == (self.path is None):
            raise ValueError("a step's request needs either `resource` and `method`, or `path`")
        if self.resource is not None and self.method is None:
            raise ValueError("a step's request with `resource` needs `method`, the operation's name")
        if self.base_url is not None and self.path is None:
            raise ValueError("a step's request with `base_url` needs `path`: an operation has its own")
