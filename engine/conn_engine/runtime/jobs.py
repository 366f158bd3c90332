"""A job in place of pages: created once by the operation's own request, polled, and its results downloaded.

The creating request is never sent again: not when polling fails, not for a later page.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Protocol

from conn_engine.config import VendorOperation
from conn_engine.listing.jobs import Download
from conn_engine.listing.pagination import Turn, pages
from conn_engine.runtime.endings import endings_of
from conn_engine.runtime.enrichment import add_distinct, prepare_records, resume_distinct
from conn_engine.runtime.fetched import Fetched, RowPlace, split_rows
from conn_engine.runtime.job_run import JobRun, can_resume
from conn_engine.runtime.layers import Frame, ListingLayer, Place, foreign_cursor
from conn_engine.runtime.records import finds_all
from conn_engine.settings import Answer
from conn_engine.wire import Flow

__all__ = ["JobLayer"]


class _Deliver(Protocol):
    """Receives each answer that has records, the place after it within the job, and whether it is the last. Returning
    True ends the job's answers."""

    def __call__(self, fetched: Fetched, following: Place | None, *, last: bool) -> Flow[Any]: ...


class JobLayer(ListingLayer):
    """The lowest layer of an operation with a `job`: runs it, and reads the pages of its results. There is one page at
    least; a job without results has an empty one.

    Its place has what the job's requests read of the first answer, and the number of the result, with the page and the
    rows in it. To resume, the same job is polled again, and asked where its results are now.
    """

    place_names = ("job", "distinct")
    enter, leave = staticmethod(resume_distinct), staticmethod(add_distinct)
    _frame: Frame
    _created: dict[str, Any] | None = None
    _here: Place | None = None
    _number = 0

    @staticmethod
    def is_used(operation: VendorOperation) -> bool:
        """Whether the operation has a `job`."""
        return operation.job is not None

    @staticmethod
    def find_obstacles(operation: VendorOperation) -> Iterator[str]:
        """There is no cursor before the first page."""
        yield "a `job` has no cursor before its first page; another run starts another job"
        if operation.job is not None and not can_resume(operation.job):
            yield "the pages of its `job` have no cursor: it would have the links that are downloaded"

    def start(self, frame: Frame) -> Flow[None]:
        """Run the job. Raises VendorError for one that fails, is not done in time or has an unknown status, in addition
        to what requests raise."""
        settings = self.listing.operation.job
        assert settings is not None  # noqa: S101  else the layer is not used
        self._frame, run = frame, JobRun(self.listing, frame, settings)
        resume = _read_place(frame.resume.get("job"))
        if resume:
            run.restore(resume["created"])
        else:
            created = yield from run.create()
            if created.settled:  # a rule calls the answer empty: there is no job
                yield from self._deliver(created, None, last=True)
                return
        self._created = run.describe()
        if settings.poll is not None and (yield from run.wait(settings.poll)) == "empty":
            yield from self._deliver(run.without_records(), None, last=True)
            return
        if settings.locate is not None:
            yield from run.ask(settings.locate, "locate", "located")
        if settings.download is None:
            yield from self._deliver(run.with_records(), None, last=True)
            return
        urls = run.find_urls(settings.download)
        if not urls:
            yield from self._deliver(run.without_records(), None, last=True)
        first = resume.get("result", 0)
        if first >= len(urls) and resume:
            raise foreign_cursor()
        self._here = self._locate(resume or {"result": 0})
        for number, url in enumerate(urls[first:], first):
            result = _Result(run, settings.download, url, number, self._deliver, last=number + 1 == len(urls))
            if (yield from result.read(resume if number == first else {})) is True:
                return

    def _locate(self, within: Place | None) -> Place | None:
        if within is None or self._created is None:
            return None
        return {"job": {**within, "created": self._created}}

    def _deliver(self, fetched: Fetched, following: Place | None, *, last: bool) -> Flow[Any]:
        self._number += 1
        here, self._here = self._here, self._locate(following)
        records, source = yield from prepare_records(self.listing, self._frame, fetched.answer)
        page = replace(fetched, whole=False, records=records, source=source, number=self._number, partial=not last)
        return (yield from self.next(replace(page, scope=self._frame.scope, here=here, next_state=self._here)))


def _read_place(place: Any) -> dict[str, Any]:
    """The place to resume at; empty: start with a new job."""
    match place:
        case None:
            return {}
        case {"created": dict(), "result": int(number)} if number >= 0:
            return dict(place)
    raise foreign_cursor()


class _Result:
    """One result of a job, read page by page where the operation says how it is paged, and long answers while they are
    read."""

    def __init__(
        self, run: JobRun, download: Download, url: str | None, number: int, deliver: _Deliver, *, last: bool
    ) -> None:
        self._run, self._download, self._url, self._deliver, self._last = run, download, url, deliver, last
        self._number = number
        self._fetched: Fetched | None = None
        self._enough: Any = None
        self._endings = endings_of(run.listing)

    def read(self, resume: Place) -> Flow[Any]:
        """Read the result from a place on; whether the layers above have enough."""
        self._page, self._rows = resume.get("page"), RowPlace.read(resume.get("rows"))
        try:
            yield from pages(
                self._run.listing.operation.get_pagination(),
                self._fetch,
                self._pass_on,
                self._page,
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
        for part, ends in split_rows(whole, operation, self._rows, turn.take_part):
            self._fetched = part
            if not ends:
                self._rows = RowPlace.from_part(part.answer, self._rows)
                new = replace(part, answer=turn.take_part(part.answer))
                self._enough = yield from self._deliver(new, self._locate(), last=False)
            if self._enough is True:
                break
        return self._fetched.answer  # its last part is the page that leads on

    def _pass_on(self, answer: Answer, number: int, following: Any, before: Any) -> Flow[Any]:
        if answer.completeness is not None:
            self._endings.add(answer.completeness, self._run.frame.scope.get("partition") or {})
        if self._fetched is not None and self._enough is not True:
            last = self._last and following is None
            self._page, self._rows = following, None
            after: Place | None = None
            if not last:
                after = {"result": self._number + 1} if following is None else self._locate()
            self._enough = yield from self._deliver(replace(self._fetched, answer=answer), after, last=last)
        answer.close()
        return self._enough

    def _locate(self) -> Place:
        """The place in this result."""
        place: dict[str, Any] = {"result": self._number}
        if self._page is not None:
            place["page"] = self._page
        return place if self._rows is None else {**place, "rows": self._rows.data()}
