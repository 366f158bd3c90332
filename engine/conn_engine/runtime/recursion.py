"""Records that are parents of further records of the same operation, depth first.

The place of a page below is the trail that leads there: of each level above, the page and the number of the record in
it. To go on from there, those pages are asked for once more and not delivered again.
"""

from dataclasses import replace
from typing import Any

from conn_engine.documents import dotted
from conn_engine.errors import ConfigurationError, VendorError
from conn_engine.expressions import UNDEFINED
from conn_engine.listing.flows import Recurse, place
from conn_engine.runtime.fetched import Fetched
from conn_engine.runtime.layers import Below, Emit, Frame, Listing, Place, foreign_cursor
from conn_engine.runtime.records import identity, verdicts
from conn_engine.runtime.sources import Part, partition_scope
from conn_engine.settings import Draft
from conn_engine.wire import Flow

__all__ = ["recursed"]


def recursed(listing: Listing, frame: Frame, emit: Emit, below: Below) -> Flow[None]:
    """Run the layers below for the frame, and for each record for which the operation's `recurse` holds."""
    if listing.operation.recurse is None:
        yield from below(frame, emit)
        return
    resume = dict(frame.resume)
    trail = resume.pop("recurse", [])
    if not isinstance(trail, list) or not all(map(_is_step, trail)):
        raise foreign_cursor()
    descent = _Descent(listing, listing.operation.recurse, frame, emit, below)
    start = frame.scope.get(listing.operation.recurse.as_)
    yield from descent.level(frame, () if start is None else (str(start),), [], trail, resume, None)


def _is_step(step: Any) -> bool:
    return isinstance(step, list) and len(step) == 2 and isinstance(step[0], dict) and type(step[1]) is int


class _Descent:
    """One recursion: what was asked for already, and the way down."""

    def __init__(self, listing: Listing, settings: Recurse, frame: Frame, emit: Emit, below: Below) -> None:
        self.listing = listing
        self.settings = settings
        self.frame = frame
        self.emit = emit
        self.below = below
        self.seen: set[str] = set()

    def level(  # noqa: PLR0917
        self,
        frame: Frame,
        ancestors: tuple[str, ...],
        trail: list[Any],
        onward: list[Any],
        resume: Place,
        after: Place | None,
    ) -> Flow[None]:
        """One call of the operation and everything below it. `trail` leads here, `onward` further to where a resumed
        listing stood; `after` is the place after all of it."""
        at = onward[0] if onward else None
        held: list[tuple[Any, Any]] = []  # of the parts of an answer that is handed on while it is read

        def hand_on(page: Fetched) -> Flow[Any]:
            nonlocal at
            held.extend(self._children(page, ancestors))
            if page.partial:
                if at is None:
                    yield from self.emit(page.as_listed())
                return
            children = list(held)
            held.clear()
            rest = self._place(trail, page.next_state) or after
            stood, at = at, None
            if stood is None:
                ahead = self._place([*trail, [page.here, 0]], {}) if children else rest
                back = self._place(trail, page.prev_state)
                here = self._place(trail, page.here)
                yield from self.emit(replace(page, next_state=ahead, prev_state=back, here=here).as_listed())
            first = min(max(stood[1], 0), len(children)) if stood is not None else 0
            for index, (value, record) in enumerate(children[first:], first):
                down = [*trail, [page.here, index]]
                following = self._place([*trail, [page.here, index + 1]], {}) if index + 1 < len(children) else rest
                resumed = stood is not None and index == first
                inner = self._within(value, record, resume if resumed else {})
                further = onward[1:] if resumed else []
                yield from self.level(
                    inner, (*ancestors, str(value)), down, further, resume if resumed else {}, following
                )

        begin = at[0] if at is not None else resume
        yield from self.below(replace(frame, resume=begin), hand_on)

    def _within(self, value: Any, record: Any, resume: Place) -> Frame:
        name = self.settings.as_
        part = Part({name: value}, {name: record}, None, None)

        def put(draft: Draft) -> None:
            place(self.settings, draft, value)

        return self.frame.within(partition_scope(self.frame.scope, part), put, resume=resume)

    def _children(self, page: Fetched, ancestors: tuple[str, ...]) -> list[tuple[Any, Any]]:
        """The records of a page that are asked for more, each once in the whole listing."""
        settings = self.settings
        records = page.source
        if settings.when is not None:
            holds = verdicts(settings.when, records, page.scope)
            records = [record for record, held in zip(records, holds, strict=True) if held]
        found: list[tuple[Any, Any]] = []
        for record in records:
            value = identity(record, settings.key)
            if value is None or value is UNDEFINED:
                raise ConfigurationError(
                    f"a record of {self.listing.name} has no key to ask for more by",
                    hint=f"check `key` of {dotted(self.listing.operation.at('recurse'))}, or narrow it by `when`",
                )
            if str(value) in ancestors:
                raise _endless(page, f"{' > '.join((*ancestors, str(value)))} comes back to where it was")
            if str(value) not in self.seen:
                self.seen.add(str(value))
                found.append((value, record))
        if found and len(ancestors) > settings.max_depth:
            raise _endless(page, f"{len(ancestors)} levels deep and still going on (max_depth: {settings.max_depth})")
        return found

    @staticmethod
    def _place(trail: list[Any], place: Place | None) -> Place | None:
        if place is None:
            return None
        return {"recurse": trail, **place} if trail else place


def _endless(page: Fetched, said: str) -> VendorError:
    return VendorError(
        f"recurse: {said}",
        kind="bad_response",
        request=page.answer.request,
        response=page.answer.response,
        hint="check `key` and `when` of `recurse`; raise `max_depth` when the records really go that deep",
    )
