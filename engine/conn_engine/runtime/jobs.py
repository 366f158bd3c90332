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
from conn_engine.runtime.enrichment import prepare_records
from conn_engine.runtime.fetched import Fetched, split_rows
from conn_engine.runtime.job_run import JobRun
from conn_engine.runtime.layers import Frame, ListingLayer, foreign_cursor
from conn_engine.runtime.records import finds_all
from conn_engine.settings import Answer
from conn_engine.wire import Flow

__all__ = ["JobLayer"]


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
        self._frame, run = frame, JobRun(self.listing, frame, settings)
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
        urls = run.find_urls(settings.download)
        if not urls:
            yield from self._deliver(run.without_records(), last=True)
        for number, url in enumerate(urls, 1):
            result = _Result(run, settings.download, url, self._deliver, last=number == len(urls))
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

    def __init__(self, run: JobRun, download: Download, url: str | None, deliver: _Deliver, *, last: bool) -> None:
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
