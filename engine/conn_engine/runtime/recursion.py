"""List the records under records of the same operation, depth first.

The place of a page is the trail that leads there: the page and the index of the record in it for each level above. To
resume, those pages are requested again but not delivered again.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from conn_engine.bodies import has_rows
from conn_engine.config import VendorOperation
from conn_engine.documents import format_path
from conn_engine.errors import ConfigurationError, VendorError
from conn_engine.expressions import UNDEFINED
from conn_engine.listing.flows import Recurse, place
from conn_engine.listing.known_records import MOST_KNOWN, KnownRecords
from conn_engine.runtime.fetched import Fetched
from conn_engine.runtime.layers import Frame, ListingLayer, Place, foreign_cursor
from conn_engine.runtime.partition import Partition, add_partition
from conn_engine.runtime.records import identity, verdicts
from conn_engine.settings import Draft
from conn_engine.wire import Flow

__all__ = ["RecursionLayer"]

_FORGOTTEN = (
    f"records under a record with two parents may come again: the cursor stores at most {MOST_KNOWN:,} of the parents "
    "that `recurse` has listed"
)


class RecursionLayer(ListingLayer):
    """Runs the layers below for the frame, and again for each record that the operation's `recurse` selects."""

    place_names = ("recurse", "seen")
    settings: Recurse
    seen: KnownRecords
    """The records that were listed as parents."""
    _frame: Frame

    @staticmethod
    def is_used(operation: VendorOperation) -> bool:
        """Return whether the operation has `recurse`."""
        return operation.recurse is not None

    @staticmethod
    def find_obstacles(operation: VendorOperation) -> Iterator[str]:
        """Yield the limits of resuming: a cursor stores only some of the parents."""
        many = f"`recurse` knows at most {MOST_KNOWN:,} parents from before a cursor; after more, "
        yield many + "a record with two parents may come again"
        if has_rows(operation.response_format):
            yield f"with `recurse`, resuming requests all rows of a {operation.response_format} response again"

    def start(self, frame: Frame) -> Flow[None]:
        """Run the layers below for the frame and everything under its records."""
        assert self.listing.operation.recurse is not None  # noqa: S101  else the layer is not used
        self.settings, self.seen, self._frame = self.listing.operation.recurse, KnownRecords(), frame
        trail = frame.resume.get("recurse", [])
        if not isinstance(trail, list) or not all(map(_is_step, trail)):
            raise foreign_cursor()
        if "seen" in frame.resume and not self.seen.restore(frame.resume["seen"]):
            raise foreign_cursor()
        value = frame.scope.get(self.settings.as_)
        ancestors = () if value is None else (str(value),)
        yield from _Level(self, frame, ancestors, [], trail, frame.resume_without(*self.place_names), None).run()

    def step_into(self, value: Any, record: Any) -> Frame:
        """Return the frame in which the records under one record are listed."""
        name = self.settings.as_
        part = Partition({name: value}, {name: record}, None, None)

        def put(draft: Draft) -> None:
            place(self.settings, draft, value)

        return self._frame.extend(add_partition(self._frame.scope, part), put)

    def find_children(self, page: Fetched, ancestors: tuple[str, ...]) -> list[tuple[Any, Any]]:
        """Find the records of a page that are parents, each once in the complete listing.

        Raises ConfigurationError for a record without a key, and VendorError if the records never end.
        """
        settings = self.settings
        records = page.source
        if settings.when is not None:
            holds = verdicts(settings.when, records, page.scope)
            records = [record for record, is_parent in zip(records, holds, strict=True) if is_parent]
        children: list[tuple[Any, Any]] = []
        for record in records:
            value = identity(record, settings.key, page.scope)
            if value is None or value is UNDEFINED:
                raise ConfigurationError(
                    f"a record of {self.listing.name} has no key, so `recurse` cannot list the records under it",
                    hint=f"check `key` of {format_path(self.listing.operation.get_path('recurse'))}, or exclude such "
                    "records with `when`",
                )
            if str(value) in ancestors:
                raise _endless(page, f"the records form a cycle: {' > '.join((*ancestors, str(value)))}")
            if self.seen.add(_mark(str(value))):
                children.append((value, record))
        if children and len(ancestors) > settings.max_depth:
            raise _endless(page, f"the records are more than {settings.max_depth} levels deep (`max_depth`)")
        return children

    def add_seen(self, place: Place | None, pages: Sequence[range], *, again: bool = False) -> Place | None:
        """Add the known parents to a place, except those of pages that will be requested again.

        These are the pages of its trail, and with `again` also the page itself. Each of `pages` has the positions of
        its parents.
        """
        if place is None:
            return None
        pages = pages if again else pages[: len(place.get("recurse", ()))]
        return {**place, "seen": self.seen.dump(pages)}

    def add_note(self, page: Fetched) -> Fetched:
        """Add a note to the first page after a cursor that could not store all known parents."""
        if not self.seen.has_forgotten:
            return page
        self.seen.has_forgotten = False
        return replace(page, notes=(*page.notes, _FORGOTTEN))


def _mark(key: str) -> bytes:
    return hashlib.blake2b(key.encode("utf-8", "surrogatepass"), digest_size=16).digest()


class _Level:
    """One call of the operation and everything below it.

    `trail` leads to this level; `onward` leads from it to the place where a resumed listing stopped. `after` is the
    place after everything below. `pages` has, for each page of the trail, the positions of its parents in `seen`.
    """

    def __init__(  # noqa: PLR0917
        self,
        layer: RecursionLayer,
        frame: Frame,
        ancestors: tuple[str, ...],
        trail: list[Any],
        onward: list[Any],
        resume: Place,
        after: Place | None,
        pages: tuple[range, ...] = (),
    ) -> None:
        self._layer, self._frame, self._ancestors = layer, frame, ancestors
        self._trail, self._onward, self._resume, self._after = trail, onward, resume, after
        self._stood = onward[0] if onward else None
        self._pages = pages
        # State of a response that is delivered in parts:
        self._children: list[tuple[Any, Any]] = []
        self._parts: list[Fetched] = []
        self._here: Place | None = None
        self._first_seen = 0

    def run(self) -> Flow[None]:
        """List the records of this level. Each page is followed by the records under its records."""
        start = self._stood[0] if self._stood is not None else self._resume
        yield from self._layer.below(replace(self._frame, resume=start), self.next)

    def next(self, page: Fetched) -> Flow[Any]:
        """Pass on a page, unless an earlier run delivered it, then list the records under its records."""
        layer = self._layer
        if self._here is None:
            self._here, self._first_seen = page.here, layer.seen.position
        self._children += layer.find_children(page, self._ancestors)
        if page.partial:
            if layer.listing.purpose == "step":  # a value needs a place: its response with all parts
                self._parts.append(page)
            elif self._stood is None:  # no cursor leads here: the records under these come after the last part
                yield from layer.emit(replace(page, next_state=None).as_listed())
            return
        page = replace(self._join_parts(page), here=self._here)
        pages = (*self._pages, range(self._first_seen, layer.seen.position))
        children, self._children, self._here = self._children, [], None
        rest = self._locate(page.next_state) or self._after
        stood, self._stood = self._stood, None
        first = 0
        if stood is None:
            ahead = self._locate_child(page, 0) if children else rest
            back, current = self._locate(page.prev_state), layer.add_seen(self._locate(page.here), pages, again=True)
            ahead = layer.add_seen(ahead, pages)
            page = layer.add_note(page)
            yield from layer.emit(replace(page, next_state=ahead, prev_state=back, here=current).as_listed())
        else:
            first = min(max(stood[1], 0), len(children))
        for index, (value, record) in enumerate(children[first:], first):
            following = self._locate_child(page, index + 1) if index + 1 < len(children) else rest
            resumed = stood is not None and index == first
            yield from _Level(
                layer,
                layer.step_into(value, record),
                (*self._ancestors, str(value)),
                [*self._trail, [page.here, index]],
                self._onward[1:] if resumed else [],
                self._resume if resumed else {},
                following,
                pages,
            ).run()

    def _join_parts(self, page: Fetched) -> Fetched:
        """Return the last part of a response with the records of the parts before it."""
        parts, self._parts = [*self._parts, page], []
        records = [record for part in parts for record in part.records]
        return replace(page, records=records, source=[record for part in parts for record in part.source])

    def _locate(self, place: Place | None) -> Place | None:
        """Return a place of this level as a place of the layer."""
        if place is None:
            return None
        return {"recurse": self._trail, **place} if self._trail else place

    def _locate_child(self, page: Fetched, index: int) -> Place:
        """Return the place of the first page under a record."""
        return {"recurse": [*self._trail, [page.here, index]]}


def _is_step(step: Any) -> bool:
    return isinstance(step, list) and len(step) == 2 and isinstance(step[0], dict) and type(step[1]) is int


def _endless(page: Fetched, problem: str) -> VendorError:
    return VendorError(
        f"recurse: {problem}",
        kind="bad_response",
        request=page.answer.request,
        response=page.answer.response,
        hint="check `key` and `when` of `recurse`, or raise `max_depth` if the records really are that deep",
    )
