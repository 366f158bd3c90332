"""The settings of `job`: the operation's request creates the job, which is then polled until it is done, or which only
returns where its result is."""

from typing import Annotated, Any, Literal, TypeAlias

from msgspec import Meta

from conn_engine.bodies import BodyFormat, ResponseFormat, ResponseOptions
from conn_engine.roles import expression_over, path_over, reserve, template_over
from conn_engine.settings import Settings

__all__ = ["Download", "Job", "JobRequest", "Outcome", "Poll"]

Method: TypeAlias = Literal[
    "get", "post", "put", "patch", "delete", "GET", "POST", "PUT", "PATCH", "DELETE",
]  # fmt: skip
Status: TypeAlias = str | int | bool
Outcome: TypeAlias = Literal["done", "empty", "failed", "running", "unknown"]


class JobRequest(Settings, frozen=True, kw_only=True):
    """A request about a job. Its templates see `job.created`, `job.polled` and `job.located`, the responses so far,
    each `{status, headers, body}`, in addition to the names of the operation."""

    path: Annotated[str | None, Meta(description="Path after base_url.", extra=path_over("job"))] = None
    url: Annotated[
        str | None,
        Meta(
            description="Instead of `path`: a URL from a response (`{{job.created.headers.location}}`), on a "
            "host of the connector, or relative to the URL of the last response.",
            extra=template_over("job"),
        ),
    ] = None
    method: Annotated[Method, Meta(description="HTTP method.")] = "get"
    query: Annotated[dict[str, Any] | None, Meta(description="Query parameters.", extra=template_over("job"))] = None
    headers: Annotated[dict[str, Any] | None, Meta(description="Request headers.", extra=template_over("job"))] = None
    body: Annotated[Any, Meta(description="Request body.", extra=template_over("job"))] = None
    body_format: Annotated[BodyFormat, Meta(description="Format of the body.")] = "json"

    def __post_init__(self) -> None:
        if (self.path is None) == (self.url is None):
            raise ValueError("a job's request needs either `path` or `url`")


class Poll(JobRequest, frozen=True, kw_only=True):
    """How to poll a job, how often, and what the response means."""

    status: Annotated[
        str,
        Meta(
            description="The status of the job.",
            extra=expression_over("job_answer"),
        ),
    ]
    done: Annotated[tuple[Status, ...], Meta(description="Statuses of a job that is done.", min_length=1)]
    empty: Annotated[
        tuple[Status, ...], Meta(description="Statuses of a job that is done and has nothing to download.")
    ] = ()
    failed: Annotated[tuple[Status, ...], Meta(description="Statuses of a job that failed.")] = ()
    running: Annotated[
        tuple[Status, ...],
        Meta(
            description="Statuses of a job to wait for; if set, any unknown status is an error. Default: every "
            "other status."
        ),
    ] = ()
    message: Annotated[
        str | None,
        Meta(
            description="The vendor's message.",
            extra=expression_over("job_answer"),
        ),
    ] = None
    every_seconds: Annotated[
        Annotated[float, Meta(ge=0, le=3600)],
        Meta(description="Pause between two polls in seconds. A longer Retry-After of a response is respected."),
    ] = 5.0
    timeout_seconds: Annotated[
        Annotated[float, Meta(gt=0, le=172_800)], Meta(description="Maximum duration of the job, in seconds.")
    ] = 1800.0

    def __post_init__(self) -> None:
        JobRequest.__post_init__(self)
        lists_by_status: dict[str, str] = {}
        for key in ("done", "empty", "failed", "running"):
            for status in getattr(self, key):
                if lists_by_status.setdefault(_text(status), key) != key:
                    raise ValueError(
                        f"the status {_text(status)!r} is both `{lists_by_status[_text(status)]}` and `{key}`"
                    )

    def outcome(self, status: Any) -> Outcome:
        """Return what a status means. Numbers and strings with the same spelling are equal."""
        if isinstance(status, bool | str | int | float):
            text = _text(status)
            for key in ("done", "empty", "failed", "running"):
                if any(text == _text(status_value) for status_value in getattr(self, key)):
                    return key
            if not self.running and text.strip():
                return "running"
        return "unknown"


class Download(Settings, frozen=True, kw_only=True):
    """Where the result of a job is and how to read it. The credential is only sent to the connector's hosts."""

    url: Annotated[
        str | None,
        Meta(
            description="One URL or a list of them, on any host (`job.polled.body.url`), or relative to the URL of "
            "the last response.",
            extra=reserve(expression_over("job")),
        ),
    ] = None
    path: Annotated[
        str | None,
        Meta(description="Instead of `url`: path after base_url.", extra=path_over("job")),
    ] = None
    method: Annotated[Method, Meta(description="HTTP method.")] = "get"
    query: Annotated[
        dict[str, Any] | None,
        Meta(description="Query parameters. Default: those in the URL.", extra=template_over("job")),
    ] = None
    headers: Annotated[dict[str, Any] | None, Meta(description="Request headers.", extra=template_over("job"))] = None
    authorized: Annotated[
        bool | None,
        Meta(description="Whether to send the credential. Default: to the connector's own hosts. Never to others."),
    ] = None
    response_format: Annotated[
        ResponseFormat | None, Meta(description="Format of the result. Default: the operation's.")
    ] = None
    response_options: Annotated[
        ResponseOptions | None,
        Meta(
            description="How to read the result, in detail: character set, archive, columns. Default: the operation's."
        ),
    ] = None
    response_path: Annotated[
        str | None,
        Meta(
            description="Where the records are in the result. Default: the operation's.", extra=expression_over("body")
        ),
    ] = None

    def __post_init__(self) -> None:
        if (self.path is None) == (self.url is None):
            raise ValueError("a download needs either `url` or `path`")
        if self.response_options is not None and self.response_format is not None:
            wrong = self.response_options.explain_misplaced(self.response_format)
            if wrong is not None:
                raise ValueError(wrong)


class Job(Settings, frozen=True, kw_only=True):
    """A job: created by the operation's request, polled with `poll`, read with `download`. Without `download`, the last
    response has the records. The creating request is never sent again because of a later failure."""

    poll: Annotated[
        Poll | None,
        Meta(
            description="How to poll the job until it is done. Default: no polling; the result is available "
            "immediately."
        ),
    ] = None
    locate: Annotated[
        JobRequest | None,
        Meta(description="A request to send when the job is done; its response contains what to download."),
    ] = None
    download: Annotated[Download | None, Meta(description="Where the records are, and how to read them.")] = None
    abort: Annotated[
        JobRequest | None,
        Meta(description="A request to send when the job is not done in time or its status is unknown."),
    ] = None

    def __post_init__(self) -> None:
        if self.poll is None and (self.download is None or self.abort is not None):
            raise ValueError("a job without `poll` needs `download`, and cannot have `abort`")


def _text(status: Any) -> str:
    if isinstance(status, bool):
        return "true" if status else "false"
    return str(int(status)) if isinstance(status, float) and status == int(status) else str(status)
