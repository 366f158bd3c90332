"""The settings of `job`: the operation's own request creates the job, which is asked about until it is done, or only
tells where its result is."""

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
    """A request about a job. In its templates `job.created`, `job.polled` and `job.located` are the answers so far,
    each `{status, headers, body}`, beside the names of the operation."""

    path: Annotated[str | None, Meta(description="Path after base_url. May hold {{…}}.", extra=path_over("job"))] = None
    url: Annotated[
        str | None,
        Meta(
            description="In place of `path`: a URL that an answer gave (`{{job.created.headers.location}}`), on a host "
            "of the connector, or relative to the URL of the last answer.",
            extra=template_over("job"),
        ),
    ] = None
    method: Annotated[Method, Meta(description="HTTP method.")] = "get"
    query: Annotated[dict[str, Any] | None, Meta(description="Query parameters.", extra=template_over("job"))] = None
    headers: Annotated[dict[str, Any] | None, Meta(description="Request headers.", extra=template_over("job"))] = None
    body: Annotated[Any, Meta(description="Request body.", extra=template_over("job"))] = None
    body_format: Annotated[BodyFormat, Meta(description="How the body is written.")] = "json"

    def __post_init__(self) -> None:
        if (self.path is None) == (self.url is None):
            raise ValueError("a job's request needs either `path` or `url`")


class Poll(JobRequest, frozen=True, kw_only=True):
    """How a job is asked about, how often, and what its answer means."""

    status: Annotated[
        str,
        Meta(
            description="Expression over status, headers and body of the answer: the status of the job.",
            extra=expression_over("job_answer"),
        ),
    ]
    done: Annotated[tuple[Status, ...], Meta(description="Statuses of a job that is done.", min_length=1)]
    empty: Annotated[
        tuple[Status, ...], Meta(description="Statuses of a job that is done and has nothing to download.")
    ] = ()
    failed: Annotated[tuple[Status, ...], Meta(description="Statuses of a job that will not be done any more.")] = ()
    running: Annotated[
        tuple[Status, ...],
        Meta(
            description="Statuses of a job to wait for; with these, any other status is an error. Default: every "
            "status that is none of the others."
        ),
    ] = ()
    message: Annotated[
        str | None,
        Meta(
            description="Expression over the answer of a failed job for what the vendor says about it.",
            extra=expression_over("job_answer"),
        ),
    ] = None
    every_seconds: Annotated[
        Annotated[float, Meta(ge=0, le=3600)],
        Meta(description="Pause between two questions. A longer Retry-After of an answer is respected."),
    ] = 5.0
    timeout_seconds: Annotated[
        Annotated[float, Meta(gt=0, le=172_800)], Meta(description="How long the job may take altogether.")
    ] = 1800.0

    def __post_init__(self) -> None:
        JobRequest.__post_init__(self)
        seen: dict[str, str] = {}
        for key in ("done", "empty", "failed", "running"):
            for status in getattr(self, key):
                if seen.setdefault(_text(status), key) != key:
                    raise ValueError(f"the status {_text(status)!r} is both `{seen[_text(status)]}` and `{key}`")

    def outcome(self, status: Any) -> Outcome:
        """What a status means. Numbers and text that read the same are the same."""
        if isinstance(status, bool | str | int | float):
            text = _text(status)
            for key in ("done", "empty", "failed", "running"):
                if any(text == _text(known) for known in getattr(self, key)):
                    return key
            if not self.running and text.strip():
                return "running"
        return "unknown"


class Download(Settings, frozen=True, kw_only=True):
    """Where the result of a job is and how it is read. No credential goes to a host that is not the connector's."""

    url: Annotated[
        str | None,
        Meta(
            description="Expression over `job`: one URL or a list of them, on any host (`job.polled.body.url`), or "
            "relative to the URL of the last answer.",
            extra=reserve(expression_over("job")),
        ),
    ] = None
    path: Annotated[
        str | None,
        Meta(description="In place of `url`: path after base_url. May hold {{…}}.", extra=path_over("job")),
    ] = None
    method: Annotated[Method, Meta(description="HTTP method.")] = "get"
    query: Annotated[
        dict[str, Any] | None,
        Meta(description="Query parameters. Default: those in the URL.", extra=template_over("job")),
    ] = None
    headers: Annotated[dict[str, Any] | None, Meta(description="Request headers.", extra=template_over("job"))] = None
    authorized: Annotated[
        bool | None,
        Meta(description="Whether the credential goes along. Default: to the connector's own hosts. Never elsewhere."),
    ] = None
    response_format: Annotated[
        ResponseFormat | None, Meta(description="How the result is read. Default: the operation's.")
    ] = None
    response_options: Annotated[
        ResponseOptions | None,
        Meta(description="Details of how it is read: character set, archive, columns. Default: the operation's."),
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
    """A job: created by the operation's own request, asked about by `poll`, read by `download`. Without `download` the
    last answer holds the records. The creating request is never sent again because of what comes later."""

    poll: Annotated[
        Poll | None,
        Meta(description="How the job is asked about until it is done. Default: it is done, what it made is there."),
    ] = None
    locate: Annotated[
        JobRequest | None, Meta(description="A request when the job is done, whose answer tells what to download.")
    ] = None
    download: Annotated[Download | None, Meta(description="Where the records are, and how they are read.")] = None
    abort: Annotated[
        JobRequest | None, Meta(description="Sent when the job is not done in time, or its status is unknown.")
    ] = None

    def __post_init__(self) -> None:
        if self.poll is None and (self.download is None or self.abort is not None):
            raise ValueError("a job without `poll` has a `download`, and nothing to `abort`")


def _text(status: Any) -> str:
    if isinstance(status, bool):
        return "true" if status else "false"
    return str(int(status)) if isinstance(status, float) and status == int(status) else str(status)
