"""Run one job: create it with the operation's own request, poll it until it is done, and download its results.

`listing.jobs` decides what a status means. A credential is sent only to hosts of the connector, wherever a result is.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, NoReturn

import msgspec

from conn_engine.auth import NoAuthorization, NoCredentials
from conn_engine.auth.signatures import NoSignature
from conn_engine.config import INHERITED_BY_LISTINGS, Path_, VendorOperation, vendor_operation
from conn_engine.documents import format_path
from conn_engine.errors import (
    ConfigurationError,
    CredentialError,
    ErrorKind,
    ExpressionError,
    TransportError,
    VendorError,
)
from conn_engine.expressions import UNDEFINED
from conn_engine.listing.jobs import Download, Job, JobRequest, Outcome, Poll
from conn_engine.listing.pagination import Turn
from conn_engine.listing.pagination.next_url import resolve
from conn_engine.runtime.call import Call, Run
from conn_engine.runtime.exchange import exchange
from conn_engine.runtime.fetched import Fetched
from conn_engine.runtime.layers import Frame, Listing, foreign_cursor
from conn_engine.runtime.records import pick, records_of
from conn_engine.runtime.steps import render_at
from conn_engine.settings import Answer, Draft, Scope
from conn_engine.transport import gateway
from conn_engine.wire import Flow, Headers, Request, Response, Wait

__all__ = ["JobRun", "can_resume"]

_LONGEST_DESCRIPTION = 8_192
_JOB = re.compile(r"\bjob\b")
_CREATED = re.compile(r"\bjob\.created\.body((?:\.[A-Za-z_]\w*)*)")
_OTHER = re.compile(r"\bjob\.(?:created\.(?:status|headers)|polled|located|url)\b")
_PATIENCE = 5
_AT_ONCE = 20
_LONGEST = 300.0  # seconds to wait for a rate limit when the result only has to be downloaded
_PASSING = frozenset({"vendor_unavailable", "rate_limited"})
_INHERITED = ("base_url", "authorization", "signature", "errors", "rate_limit", "timeout_seconds", "query_format")


class JobRun:
    """One job. `answers` has the responses that templates can read."""

    def __init__(self, listing: Listing, frame: Frame, settings: Job) -> None:
        self.listing = listing
        self.frame = frame
        self.settings = settings
        self.answers: dict[str, Any] = {"created": None, "polled": None, "located": None}
        self.last: Fetched
        # A created job is worth waiting for, so rate limits on the way to its result are waited out.
        longest = _LONGEST if settings.poll is None else settings.poll.timeout_seconds
        patience = replace(listing.session.policy, wait=True, max_wait_seconds=longest)
        self.session = replace(listing.session, policy=patience)

    @property
    def scope(self) -> Scope:
        """The names of the operation, and `job`."""
        return self.frame.scope | {"job": dict(self.answers)}

    def get_path(self, *keys: str) -> Path_:
        """Return the configuration path of a setting of the job."""
        return (*self.listing.operation.get_path("job"), *keys)

    def create(self) -> Flow[Fetched]:
        """Send the operation's own request once, with the caller's policy for waiting."""
        listing = self.listing
        operation = replace(listing.operation, response_path=None, response_format="json", response_options=None)
        scope, puts_before = self.frame.scope, self.frame.put
        call = replace(listing.call, as_file=False)  # the caller wants the job's result as a file, not this response
        fetched = yield from exchange(listing.run, operation, call, scope, puts_before, listing.purpose)
        self.session.document = listing.session.document
        return self._remember("created", fetched)

    def _remember(self, name: str, fetched: Fetched) -> Fetched:
        response = fetched.answer.response
        self.answers[name] = {
            "status": response.status,
            "headers": response.headers.plain(),
            "body": fetched.answer.body,
        }
        self.last = fetched
        return fetched

    def describe(self) -> dict[str, Any] | None:
        """Return what a cursor stores of the first response: the parts that the job's requests read.

        Returns None when that is too long, or may contain a secret link.
        """
        answer, created = self.last.answer, self.answers["created"]
        if not can_resume(self.settings):
            return None
        texts = json.dumps(msgspec.to_builtins(self.settings))
        headers = {name: value for name, value in created["headers"].items() if name in texts.lower()}
        body = _read_parts(created["body"], texts)
        url = str(answer.sent.get("url") or answer.request.url)
        description = {"url": url, "status": created["status"], "headers": headers, "body": body}
        return description if len(json.dumps(description)) <= _LONGEST_DESCRIPTION else None

    def restore(self, description: Any) -> None:
        """Continue with the job that a cursor describes."""
        match description:
            case {"url": str(url), "status": int(status), "headers": dict(headers), "body": body}:
                response = Response(status, Headers({str(name): str(value) for name, value in headers.items()}))
                answer = Answer(Request("POST", url), response, body, scope=self.frame.scope, sent={"url": url})
                self._remember("created", Fetched(answer, scope=self.frame.scope))
            case _:
                raise foreign_cursor()

    def wait(self, poll: Poll) -> Flow[Outcome]:
        """Poll until the job is done. Raises VendorError when it fails, takes too long or has an unknown status."""
        clock = self.session.clock
        end = clock.now() + poll.timeout_seconds
        failures = polls = 0
        status: Any = UNDEFINED
        while True:
            # After the first polls there is always a pause, even if the configuration sets none.
            pause = poll.every_seconds if polls < _AT_ONCE else max(poll.every_seconds, 1.0)
            polls += 1
            try:
                fetched = yield from self.ask(poll, "poll", "polled")
            except VendorError as error:
                failures += 1
                if error.kind not in _PASSING or failures >= _PATIENCE or _is_final(error):
                    raise
                pause = max(pause, 1.0, error.retry_after or 0.0)
            else:
                failures = 0
                status = self._status(poll, fetched.answer)
                outcome = poll.outcome(status)
                if outcome in ("done", "empty"):
                    return outcome
                if outcome == "failed":
                    self._fail(poll, fetched.answer, f"failed (status {_show(status)})")
                if outcome == "unknown":
                    yield from self._abort()
                    self._unknown(poll, fetched.answer, status)
                pause = max(pause, _retry_after(fetched.answer))
            if clock.now() + pause > end:
                yield from self._abort()
                problem = f"did not finish within {poll.timeout_seconds:g} s (status {_show(status)})"
                hint = "raise `timeout_seconds` of `poll`"
                self._fail(poll, self.last.answer, problem, kind="vendor_unavailable", hint=hint)
            yield Wait(pause, "the job is not done")

    def _status(self, poll: Poll, answer: Answer) -> Any:
        try:
            return answer.ask(poll.status, job=dict(self.answers))
        except ExpressionError as error:
            error.at = error.at or format_path(self.get_path("poll", "status"))
            raise

    def _fail(
        self, poll: Poll, answer: Answer, problem: str, *, kind: ErrorKind = "bad_response", hint: str = ""
    ) -> NoReturn:
        message = UNDEFINED if poll.message is None else answer.ask(poll.message)
        text = " ".join(message.split())[:500] if isinstance(message, str) else ""
        raise VendorError(
            f"the job of {self.listing.name} {problem}{f': {text}' if text else ''}",
            kind=kind,
            request=answer.request,
            response=answer.response,
            details=answer.body,
            vendor_message=text,
            hint=hint or "run the operation again to create a new job",
        )

    def _unknown(self, poll: Poll, answer: Answer, status: Any) -> NoReturn:
        statuses = ", ".join(_show(value) for value in (*poll.done, *poll.empty, *poll.failed, *poll.running))
        if status is UNDEFINED or status is None:
            problem, hint = (
                "has no status",
                f"correct `status` of `poll`: `{poll.status}` finds nothing in the response",
            )
        else:
            problem = f"has an unknown status: {_show(status)}"
            hint = f"add it to `done`, `empty`, `failed` or `running` of `poll`; known statuses: {statuses}"
        self._fail(poll, answer, problem, hint=hint)

    def _abort(self) -> Flow[None]:
        if self.settings.abort is None:
            return
        try:
            yield from self.ask(self.settings.abort, "abort", "")
        except VendorError:  # report the error of the job instead
            return

    def ask(self, request: JobRequest, key: str, name: str) -> Flow[Fetched]:
        """Send a request about the job. Later templates read its response as `job.<name>`."""
        base = self.last.answer
        operation = self._operation(request, key)

        def place(draft: Draft) -> None:
            if request.url is not None:
                draft.url = resolve(self._fill(request.url, key, "url"), base, label="the job's URL")
                draft.absolute = True

        fetched = yield from self._send(operation, place)
        return self._remember(name, fetched) if name else fetched

    def _send(
        self,
        operation: VendorOperation,
        place: Callable[[Draft], None],
        scope: Scope | None = None,
        *,
        as_file: bool = False,
    ) -> Flow[Fetched]:
        run = Run(self.listing.effective, self.session)
        try:
            call = Call(as_file=as_file)
            return (yield from exchange(run, operation, call, scope or self.scope, place, "step"))
        finally:
            self.listing.session.document = self.session.document  # renewed on the way

    def _fill(self, text: str, *keys: str) -> Any:
        return render_at(text, self.scope, format_path(self.get_path(*keys)))

    def _operation(self, request: JobRequest | Download, key: str) -> VendorOperation:
        """Return the request as an operation. It inherits the query and headers of the connector and the resource."""
        listing = self.listing
        resource, method = listing.operation.resource, listing.operation.name
        resources = listing.effective.data["resources"]
        settings = {
            name: resources[resource][method][name] for name in _INHERITED if name in resources[resource][method]
        }
        settings |= {"method": request.method, "path": request.path or "", "pagination": {"format": "none"}}
        settings |= dict.fromkeys(INHERITED_BY_LISTINGS)
        settings |= {name: value for name in ("query", "headers") if (value := getattr(request, name)) is not None}
        if isinstance(request, JobRequest):
            settings |= {"body": request.body, "body_format": request.body_format}
        data = {**listing.effective.data, "resources": {resource: {**resources[resource], method: settings}}}
        operation = vendor_operation(data, resource, method, connector=listing.effective.connector_name)
        operation = listing.effective.choose_credentials(operation)
        places: Mapping[str, Path_] = {
            name: self.get_path(key, name) for name in ("path", "query", "headers", "body") if name in settings
        }
        if request.url is not None:  # a URL from a response is complete: only the query set here is added to it
            operation = replace(operation, query=request.query or {})
        return replace(operation, places={**operation.places, **places})

    # --- results ---

    def without_records(self) -> Fetched:
        """Return the last response without records."""
        return replace(self.last, answer=replace(self.last.answer, records=[]), whole=False)

    def with_records(self) -> Fetched:
        """Return the last response with its records."""
        records, _ = records_of(self.listing.operation.response_path, self.last.answer.body, self.scope)
        return replace(self.last, answer=replace(self.last.answer, records=records), whole=False)

    def find_urls(self, download: Download) -> list[str | None]:
        """Find the URLs to download; a single None stands for a `path`. Raises ConfigurationError if none is found."""
        if download.url is None:
            return [None]
        try:
            urls = pick(download.url, self.scope, self.scope)
        except ExpressionError as error:
            error.at = error.at or format_path(self.get_path("download", "url"))
            raise
        if urls is UNDEFINED or urls is None:
            raise ConfigurationError(
                f"`{download.url}` finds no URL in the responses of the job",
                hint="correct `url` of `download`; add a status that means an empty result to `empty` of `poll`",
            )
        label = "the URL of the job's result"
        return [resolve(url, self.last.answer, label=label) for url in (urls if isinstance(urls, list) else [urls])]

    def result_path(self, settings: Download) -> str | None:
        """Return the path of the records in a result."""
        return settings.response_path if settings.response_path is not None else self.listing.operation.response_path

    def download(self, settings: Download, url: str | None, turn: Turn) -> Flow[tuple[Fetched, VendorOperation]]:
        """Fetch a page of one result; return it with its operation. Other hosts get nothing of the connector's: no
        credential, signature or header."""
        operation = self._read_as_result(settings, self._operation(settings, "download"))
        if url is not None and not self._may_authorize(settings, url):
            operation = replace(
                operation,
                headers=settings.headers or {},
                authorization=NoAuthorization(),
                signature=NoSignature(),
                credentials=NoCredentials(),
            )

        def place(draft: Draft) -> None:
            if url is not None:
                draft.url, draft.absolute = url, True
            turn(draft)

        scope = turn.names(self.scope | {"job": {**self.answers, "url": url}})
        try:
            as_file = self.listing.call.as_file
            return (yield from self._send(operation, place, scope, as_file=as_file)), operation
        except CredentialError as error:
            if isinstance(operation.authorization, NoAuthorization):
                raise _describe_refusal(error) from None
            raise

    def _may_authorize(self, settings: Download, url: str) -> bool:
        """Return whether to send the credential."""
        effective = self.listing.effective
        permitted = gateway.is_permitted(gateway.parse_target(url).origin, effective.granted_hosts)
        if settings.authorized and not permitted:
            raise ConfigurationError(
                f"cannot send the credential to {gateway.parse_target(url).authority}, which has the result of "
                f"{self.listing.name} but is not a host of the connector",
                hint="remove `authorized` from `download`, or add the host to the connector's `hosts`",
            )
        return permitted and settings.authorized is not False

    def _read_as_result(self, settings: Download, operation: VendorOperation) -> VendorOperation:
        listed_operation = self.listing.operation
        return replace(
            operation,
            response_format=settings.response_format or listed_operation.response_format,
            response_options=settings.response_options or listed_operation.response_options,
            response_path=self.result_path(settings),
        )


def can_resume(settings: Job) -> bool:
    """Return whether a cursor may store what the job's requests read of the first response. It must not store a link
    to the result, which grants access like a credential."""
    return settings.download is not None and "created" not in (settings.download.url or "")


def _read_parts(body: Any, texts: str) -> Any:
    """Return the parts of the first response's body that strings read, or all of it if that is unclear."""
    if len(_JOB.findall(texts)) != len(paths := _CREATED.findall(texts)) + len(_OTHER.findall(texts)):
        return body
    parts: dict[str, Any] = {}
    for path in paths:
        name = path.split(".")[1] if path else ""
        if not name or not isinstance(body, dict):
            return body
        if name in body:
            parts[name] = body[name]
    return parts


def _is_final(error: VendorError) -> bool:
    """Return whether a retry cannot help."""
    return isinstance(error, TransportError) and not error.retryable


def _describe_refusal(error: CredentialError) -> VendorError:
    return VendorError(
        f"the host of the job's result refused the download: {error.message.partition(': ')[2] or error.message}",
        kind="forbidden",
        hint="run the operation again: the link may have expired (no credential is sent to this host)",
    )


def _retry_after(answer: Answer) -> float:
    value = answer.response.headers.get("retry-after", "").strip()
    return float(value) if value.isascii() and value.isdigit() and len(value) < 6 else 0.0


def _show(status: Any) -> str:
    return "missing" if status is UNDEFINED or status is None else repr(status)[:80]
