"""A job in place of pages: created once by the operation's own request, asked about, and its result downloaded.

What a status means is in `jobs`. The creating request is never sent again: not when asking fails, not for a later page.
A credential goes to hosts of the connector only, wherever a result is.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any, NoReturn, Protocol

from conn_engine.auth import NoAuthorization, NoCredentials
from conn_engine.auth.signatures import NoSignature
from conn_engine.config import Path_, VendorOperation, vendor_operation
from conn_engine.documents import dotted
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
from conn_engine.listing.pagination import Turn, pages
from conn_engine.listing.pagination.next_url import resolve
from conn_engine.runtime.call import Call
from conn_engine.runtime.endings import endings_of
from conn_engine.runtime.enrichment import prepare_records
from conn_engine.runtime.exchange import exchange
from conn_engine.runtime.fetched import Fetched, split_rows
from conn_engine.runtime.layers import Frame, Listing, ListingLayer, foreign_cursor
from conn_engine.runtime.records import finds_all, pick, records_of
from conn_engine.runtime.steps import rendered
from conn_engine.settings import Answer, Draft, Scope
from conn_engine.transport import door
from conn_engine.wire import Flow, Wait

__all__ = ["JobLayer"]

_PATIENCE = 5
_AT_ONCE = 20
_LONGEST = 300.0  # a rate limit on the way to what only has to be downloaded
_PASSING = frozenset({"vendor_unavailable", "rate_limited"})
_INHERITED = ("base_url", "authorization", "signature", "errors", "rate_limit", "timeout_seconds", "query_format")


class _Deliver(Protocol):
    """Receives each answer that has records, and whether it is the last. Returning True ends the job's answers."""

    def __call__(self, fetched: Fetched, *, last: bool) -> Flow[Any]: ...


class JobLayer(ListingLayer):
    """The lowest layer of an operation with a `job`: runs it, and reads the pages of what it gives. There is one page
    at least, without records when there are none. No cursor leads there."""

    place_names = ("page",)
    _frame: Frame
    _number = 0

    @staticmethod
    def is_used(operation: VendorOperation) -> bool:
        """Whether the operation has a `job`."""
        return operation.job is not None

    @staticmethod
    def find_obstacles(operation: VendorOperation) -> Iterator[str]:
        """Its pages have no cursor."""
        yield "the pages of a `job` have no cursor; another run would begin another job"

    def start(self, frame: Frame) -> Flow[None]:
        """Run the job. Raises VendorError for one that fails, is not done in time or has an unknown status, in addition
        to what requests raise."""
        settings = self.listing.operation.job
        if settings is None or frame.resume.get("page") is not None:
            raise foreign_cursor()
        self._frame, run = frame, _Run(self.listing, frame, settings)
        created = yield from run.create()
        if created.settled:  # a rule calls the answer empty: there is no job
            yield from self._deliver(created, last=True)
            return
        if settings.poll is not None and (yield from run.wait(settings.poll)) == "empty":
            yield from self._deliver(run.without_records(), last=True)
            return
        if settings.locate is not None:
            yield from run.ask(settings.locate, "locate", "located")
        if settings.download is None:
            yield from self._deliver(run.with_records(), last=True)
            return
        places = run.places(settings.download)
        if not places:
            yield from self._deliver(run.without_records(), last=True)
        for number, url in enumerate(places, 1):
            result = _Result(run, settings.download, url, self._deliver, last=number == len(places))
            if (yield from result.read()) is True:
                return

    def _deliver(self, fetched: Fetched, *, last: bool) -> Flow[Any]:
        self._number += 1
        records, source = yield from prepare_records(self.listing, self._frame, fetched.answer)
        page = replace(fetched, whole=False, records=records, source=source, number=self._number, partial=not last)
        return (yield from self.next(replace(page, scope=self._frame.scope)))


class _Result:
    """One result of a job, read page by page where the operation says how it is paged, and long answers while they are
    read."""

    def __init__(self, run: "_Run", download: Download, url: str | None, deliver: _Deliver, *, last: bool) -> None:
        self._run, self._download, self._url, self._deliver, self._last = run, download, url, deliver, last
        self._fetched: Fetched | None = None
        self._enough: Any = None
        self._endings = endings_of(run.listing)

    def read(self) -> Flow[Any]:
        """Read the result; whether the layers above have enough."""
        try:
            yield from pages(
                self._run.listing.operation.get_pagination(),
                self._fetch,
                self._pass_on,
                seen=self._endings.seen,
                counts=finds_all(self._run.result_path(self._download)),
            )
            return self._enough
        finally:
            if self._fetched is not None:
                self._fetched.answer.close()

    def _fetch(self, turn: Turn) -> Flow[Answer]:
        whole, operation = yield from self._run.download(self._download, self._url, turn)
        self._fetched = whole
        for part, ends in split_rows(whole, operation):
            self._fetched = part
            if not ends:
                self._enough = yield from self._deliver(part, last=False)
            if self._enough is True:
                break
        return self._fetched.answer  # its last part is the page that leads on

    def _pass_on(self, answer: Answer, number: int, following: Any, before: Any) -> Flow[Any]:
        if answer.completeness is not None:
            self._endings.add(answer.completeness, self._run.frame.scope.get("partition") or {})
        if self._fetched is not None and self._enough is not True:
            last = self._last and following is None
            self._enough = yield from self._deliver(replace(self._fetched, answer=answer), last=last)
        answer.close()
        return self._enough


class _Run:
    """One job. `told` is what its answers were, for templates."""

    def __init__(self, listing: Listing, frame: Frame, settings: Job) -> None:
        self.listing = listing
        self.frame = frame
        self.settings = settings
        self.told: dict[str, Any] = {"created": None, "polled": None, "located": None}
        self.last: Fetched
        # A created job is worth waiting for: a rate limit on the way to its result is waited out.
        longest = _LONGEST if settings.poll is None else settings.poll.timeout_seconds
        patience = replace(listing.session.policy, wait=True, max_wait_seconds=longest)
        self.session = replace(listing.session, policy=patience)

    @property
    def scope(self) -> Scope:
        """The names of the operation, and `job`."""
        return self.frame.scope | {"job": dict(self.told)}

    def at(self, *keys: str) -> Path_:
        """Where a setting of the job stands."""
        return (*self.listing.operation.get_path("job"), *keys)

    def create(self) -> Flow[Fetched]:
        """The operation's own request, once, as patient as the caller."""
        listing = self.listing
        operation = replace(listing.operation, response_path=None, response_format="json", response_options=None)
        scope, put = self.frame.scope, self.frame.put
        call = replace(listing.call, as_file=False)  # the file that is wanted is the job's result
        got = yield from exchange(listing.effective, operation, call, listing.session, scope, put, listing.purpose)
        self.session.document = listing.session.document
        return self._told("created", got)

    def _told(self, name: str, got: Fetched) -> Fetched:
        response = got.answer.response
        self.told[name] = {"status": response.status, "headers": response.headers.plain(), "body": got.answer.body}
        self.last = got
        return got

    def wait(self, poll: Poll) -> Flow[Outcome]:
        """Ask until the job is done. Raises VendorError when it will not be."""
        clock = self.session.clock
        end = clock.now() + poll.timeout_seconds
        failures = asked = 0
        status: Any = UNDEFINED
        while True:
            # A job that is not done at once is not asked about without a pause, whatever the configuration says.
            pause = poll.every_seconds if asked < _AT_ONCE else max(poll.every_seconds, 1.0)
            asked += 1
            try:
                got = yield from self.ask(poll, "poll", "polled")
            except VendorError as error:
                failures += 1
                if error.kind not in _PASSING or failures >= _PATIENCE or _final(error):
                    raise
                pause = max(pause, 1.0, error.retry_after or 0.0)
            else:
                failures = 0
                status = self._status(poll, got.answer)
                outcome = poll.outcome(status)
                if outcome in ("done", "empty"):
                    return outcome
                if outcome == "failed":
                    self._fail(poll, got.answer, f"failed: its status is {_shown(status)}")
                if outcome == "unknown":
                    yield from self._abort()
                    self._unknown(poll, got.answer, status)
                pause = max(pause, _retry_after(got.answer))
            if clock.now() + pause > end:
                yield from self._abort()
                what = f"is not done after {poll.timeout_seconds:g} s: its status is {_shown(status)}"
                self._fail(
                    poll, self.last.answer, what, kind="vendor_unavailable", hint="give it more `timeout_seconds`"
                )
            yield Wait(pause, "the job is not done")

    def _status(self, poll: Poll, answer: Answer) -> Any:
        try:
            return answer.ask(poll.status, job=dict(self.told))
        except ExpressionError as error:
            error.at = error.at or dotted(self.at("poll", "status"))
            raise

    def _fail(
        self, poll: Poll, answer: Answer, what: str, *, kind: ErrorKind = "bad_response", hint: str = ""
    ) -> NoReturn:
        said = UNDEFINED if poll.message is None else answer.ask(poll.message)
        words = " ".join(said.split())[:500] if isinstance(said, str) else ""
        raise VendorError(
            f"the job of {self.listing.name} {what}{f': {words}' if words else ''}",
            kind=kind,
            request=answer.request,
            response=answer.response,
            details=answer.body,
            said=words,
            hint=hint or "it is not created again by itself: run the operation again for another try",
        )

    def _unknown(self, poll: Poll, answer: Answer, status: Any) -> NoReturn:
        known = ", ".join(_shown(one) for one in (*poll.done, *poll.empty, *poll.failed, *poll.running))
        if status is UNDEFINED or status is None:
            hint = f"`{poll.status}` finds nothing in the answer: correct `status` of `poll`"
        else:
            hint = f"say in `poll` what it means; known are {known}"
        self._fail(poll, answer, f"has the status {_shown(status)}, which is unknown", hint=hint)

    def _abort(self) -> Flow[None]:
        if self.settings.abort is None:
            return
        try:
            yield from self.ask(self.settings.abort, "abort", "")
        except VendorError:  # what was wrong with the job is the error to tell
            return

    def ask(self, request: JobRequest, key: str, name: str) -> Flow[Fetched]:
        """Send a request about the job; its answer is `job.<name>` from there on."""
        base = self.last.answer
        operation = self._operation(request, key)

        def place(draft: Draft) -> None:
            if request.url is not None:
                draft.url = resolve(self._filled(request.url, key, "url"), base, what="the job's URL")
                draft.absolute = True

        got = yield from self._send(operation, place)
        return self._told(name, got) if name else got

    def _send(
        self,
        operation: VendorOperation,
        place: Callable[[Draft], None],
        scope: Scope | None = None,
        *,
        as_file: bool = False,
    ) -> Flow[Fetched]:
        effective, session = self.listing.effective, self.session
        try:
            call = Call(as_file=as_file)
            return (yield from exchange(effective, operation, call, session, scope or self.scope, place, "step"))
        finally:
            self.listing.session.document = session.document  # renewed on the way

    def _filled(self, text: str, *keys: str) -> Any:
        return rendered(text, self.scope, dotted(self.at(*keys)))

    def _operation(self, request: JobRequest | Download, key: str) -> VendorOperation:
        """The request as an operation: query and headers of connector and resource, all else as it has it."""
        listing = self.listing
        resource, method = listing.operation.resource, listing.operation.name
        resources = listing.effective.data["resources"]
        own = {name: resources[resource][method][name] for name in _INHERITED if name in resources[resource][method]}
        own |= {"method": request.method, "path": request.path or "", "pagination": {"format": "none"}}
        own |= {name: value for name in ("query", "headers") if (value := getattr(request, name)) is not None}
        if isinstance(request, JobRequest):
            own |= {"body": request.body, "body_format": request.body_format}
        data = {**listing.effective.data, "resources": {resource: {**resources[resource], method: own}}}
        made = vendor_operation(data, resource, method, connector=listing.effective.connector_name)
        said: Mapping[str, Path_] = {
            name: self.at(key, name) for name in ("path", "query", "headers", "body") if name in own
        }
        if request.url is not None:  # a URL that an answer gave is whole: only what is said here is added to it
            made = replace(made, query=request.query or {})
        return replace(made, places={**made.places, **said})

    # --- results ---

    def without_records(self) -> Fetched:
        """The last answer, as one that holds nothing."""
        return replace(self.last, answer=replace(self.last.answer, records=[]), whole=False)

    def with_records(self) -> Fetched:
        """The last answer with the records it holds."""
        records, _ = records_of(self.listing.operation.response_path, self.last.answer.body)
        return replace(self.last, answer=replace(self.last.answer, records=records), whole=False)

    def places(self, download: Download) -> list[str | None]:
        """The URLs to download; one None for a `path`. Raises ConfigurationError when nothing is named."""
        if download.url is None:
            return [None]
        try:
            found = pick(download.url, self.scope)
        except ExpressionError as error:
            error.at = error.at or dotted(self.at("download", "url"))
            raise
        if found is UNDEFINED or found is None:
            raise ConfigurationError(
                f"`{download.url}` finds no URL in the answers of the job",
                hint="correct `url` of `download`; a status that means an empty result belongs to `empty` of `poll`",
            )
        what = "the URL of the job's result"
        return [resolve(url, self.last.answer, what=what) for url in (found if isinstance(found, list) else [found])]

    def result_path(self, settings: Download) -> str | None:
        """Where the records of a result are."""
        return settings.response_path if settings.response_path is not None else self.listing.operation.response_path

    def download(self, settings: Download, url: str | None, turn: Turn) -> Flow[tuple[Fetched, VendorOperation]]:
        """Fetch a page of one result, and say as which operation. Another host is asked without anything of the
        connector's."""
        operation = self._reading(settings, self._operation(settings, "download"))
        if url is not None and not self._own(settings, url):
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

        scope = turn.names(self.scope | {"job": {**self.told, "url": url}})
        try:
            as_file = self.listing.call.as_file
            return (yield from self._send(operation, place, scope, as_file=as_file)), operation
        except CredentialError as error:
            if isinstance(operation.authorization, NoAuthorization):
                raise _refused(error) from None
            raise

    def _own(self, settings: Download, url: str) -> bool:
        """Whether the credential goes along."""
        effective = self.listing.effective
        permitted = door.permitted(door.target(url).origin, effective.granted_hosts)
        if settings.authorized and not permitted:
            raise ConfigurationError(
                f"the result of {self.listing.name} is on {door.target(url).authority}, which is not a host of the "
                "connector: no credential goes there",
                hint="leave out `authorized` of `download`, or name the host in the connector's `hosts`",
            )
        return permitted and settings.authorized is not False

    def _reading(self, settings: Download, operation: VendorOperation) -> VendorOperation:
        own = self.listing.operation
        return replace(
            operation,
            response_format=settings.response_format or own.response_format,
            response_options=settings.response_options or own.response_options,
            response_path=self.result_path(settings),
        )


def _final(error: VendorError) -> bool:
    """Whether asking again is of no use."""
    return isinstance(error, TransportError) and not error.retryable


def _refused(error: CredentialError) -> VendorError:
    return VendorError(
        f"the result of the job is refused: {error.message.partition(': ')[2] or error.message}",
        kind="forbidden",
        hint="its link may have expired; no credential is sent there. Run the operation again",
    )


def _retry_after(answer: Answer) -> float:
    value = answer.response.headers.get("retry-after", "").strip()
    return float(value) if value.isascii() and value.isdigit() and len(value) < 6 else 0.0


def _shown(status: Any) -> str:
    return "missing" if status is UNDEFINED or status is None else repr(status)[:80]
