"""List the results of a job instead of pages: create it once, poll it, and download its results.

The request that creates the job is never repeated: not when polling fails, and not for a later page.
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
    """Receives each response with records, the place after it within the job, and whether it is the last. Return True
    to stop."""

    def __call__(self, fetched: Fetched, following: Place | None, *, last: bool) -> Flow[Any]: ...


class JobLayer(ListingLayer):
    """The lowest layer of an operation with a `job`: runs the job and reads the pages of its results.

    There is at least one page; for a job without results it is empty. A place stores what the job's requests read of
    the first response, and the number of the result, with the page and the rows in it. To resume, the same job is
    polled and located again.
    """

    place_names = ("job", "distinct")
    enter, leave = staticmethod(resume_distinct), staticmethod(add_distinct)
    _frame: Frame
    _created: dict[str, Any] | None = None
    _here: Place | None = None
    _number = 0

    @staticmethod
    def is_used(operation: VendorOperation) -> bool:
        """Return whether the operation has a `job`."""
        return operation.job is not None

    @staticmethod
    def find_obstacles(operation: VendorOperation) -> Iterator[str]:
        """Yield why a listing with a job cannot resume everywhere."""
        yield "a `job` has no cursor before its first page; another run starts another job"
        if operation.job is not None and not can_resume(operation.job):
            yield "the pages of its `job` have no cursor, because it would contain the download links"

    def start(self, frame: Frame) -> Flow[None]:
        """Run the job. Raises the errors of its requests, and VendorError when the job fails, does not finish in time
        or has an unknown status."""
        settings = self.listing.operation.job
        assert settings is not None  # noqa: S101  else the layer is not used
        self._frame, run = frame, JobRun(self.listing, frame, settings)
        resume = _read_place(frame.resume.get("job"))
        if resume:
            run.restore(resume["created"])
        else:
            created = yield from run.create()
            if created.settled:  # an error rule treats the response as empty: there is no job
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
        place, self._here = self._here, self._locate(following)
        records, source = yield from prepare_records(self.listing, self._frame, fetched.answer)
        page = replace(fetched, whole=False, records=records, source=source, number=self._number, partial=not last)
        return (yield from self.next(replace(page, scope=self._frame.scope, here=place, next_state=self._here)))


def _read_place(place: Any) -> dict[str, Any]:
    """Return the place to resume at; an empty one starts a new job."""
    match place:
        case None:
            return {}
        case {"created": dict(), "result": int(number)} if number >= 0:
            return dict(place)
    raise foreign_cursor()


class _Result:
    """One result of a job. It is read page by page if the operation sets `pagination`; long responses are streamed."""

    def __init__(
        self, run: JobRun, download: Download, url: str | None, number: int, deliver: _Deliver, *, last: bool
    ) -> None:
        self._run, self._download, self._url, self._deliver, self._last = run, download, url, deliver, last
        self._number = number
        self._fetched: Fetched | None = None
        self._enough: Any = None
        self._endings = endings_of(run.listing)

    def read(self, resume: Place) -> Flow[Any]:
        """Read the result from a place on; return whether the layers above have enough."""
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
        return self._fetched.answer  # the last part leads to the next page

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
        """Return the place in this result."""
        place: dict[str, Any] = {"result": self._number}
        if self._page is not None:
            place["page"] = self._page
        return place if self._rows is None else {**place, "rows": self._rows.data()}
