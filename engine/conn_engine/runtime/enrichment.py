"""Turn the records of a response into the records to deliver.

The steps are `record_filter`, `record_mapping`, `record_types`, `distinct`, then each `enrich`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from conn_engine.conditions import conditions_of
from conn_engine.documents import format_path
from conn_engine.errors import ConfigurationError, ExpressionError
from conn_engine.expressions import UNDEFINED, compile_mapping
from conn_engine.listing.flows import Enrich, cast_records
from conn_engine.listing.known_records import MOST_KNOWN, KnownRecords
from conn_engine.runtime.endings import endings_of
from conn_engine.runtime.fetched import Fetched
from conn_engine.runtime.layers import Frame, Listing, Place, foreign_cursor
from conn_engine.runtime.records import fingerprints, identity, keep, map_records, pick, verdicts
from conn_engine.runtime.steps import step_request
from conn_engine.settings import Answer, Names, Scope
from conn_engine.wire import Flow

__all__ = ["add_distinct", "prepare_records", "resume_distinct"]

_DISTINCT, _BEFORE = "distinct", "distinct_before"
_FORGOTTEN = (
    f"records from before the cursor may repeat: it stores at most {MOST_KNOWN:,} of those that `distinct` compares"
)


def prepare_records(listing: Listing, frame: Frame, answer: Answer) -> Flow[tuple[list[Any], list[Any]]]:
    """Return the records to deliver, and for each the vendor's record that it was made from."""
    operation = listing.operation
    source = answer.records
    if operation.record_filter:
        with _locate_errors(format_path(operation.get_path("record_filter"))):
            source = keep(operation.record_filter, source, frame.scope)
    records = source
    if operation.record_mapping is not None:
        response = answer.response
        scope = frame.scope | {"status": response.status, "headers": response.headers.plain()}
        with _locate_errors(format_path(operation.get_path("record_mapping"))):
            mapped = map_records(operation.record_mapping, source, scope)
        records = [record for several in mapped for record in several]
        source = [source_record for source_record, several in zip(source, mapped, strict=True) for _ in several]
    records = cast_records(operation.record_types, records)
    if operation.distinct is not None:
        new = _find_new(listing, operation.distinct, records, frame.scope)
        records, source = [records[index] for index in new], [source[index] for index in new]
    for index, settings in enumerate(operation.enrich):
        location = f"{format_path(operation.get_path('enrich'))}[{index}]"
        records = yield from _enrich(listing, settings, records, frame.scope, location)
    return records, source


def _find_new(listing: Listing, key: str, records: list[Any], scope: Scope) -> list[int]:
    """Return the positions of the records that are new in this listing."""
    with _locate_errors(format_path(listing.operation.get_path("distinct"))):
        marks = fingerprints(key, records, scope)
    records_before = _get_known_records(listing)
    listing.memory[_BEFORE] = range(records_before.position, MOST_KNOWN)
    return [index for index, mark in enumerate(marks) if records_before.add(mark)]


def _get_known_records(listing: Listing) -> KnownRecords:
    records_before: KnownRecords = listing.memory.setdefault(_DISTINCT, KnownRecords())
    return records_before


def resume_distinct(listing: Listing, place: Place) -> Place:
    """Restore the known records from a place, and return the rest of it."""
    if _DISTINCT not in place:
        return place
    if not _get_known_records(listing).restore(place[_DISTINCT]):
        raise foreign_cursor()
    return {name: value for name, value in place.items() if name != _DISTINCT}


def add_distinct(listing: Listing, page: Fetched) -> Fetched:
    """Add the known records to the page's cursor, so that `distinct` still knows them when the listing resumes.

    Not with `recurse`: it requests pages again without delivering them, and would treat their records as known.
    """
    if listing.operation.distinct is None or listing.operation.recurse is not None:
        return page
    records_before = _get_known_records(listing)
    if records_before.has_forgotten:
        records_before.has_forgotten = False
        page = replace(page, notes=(*page.notes, _FORGOTTEN))
    if page.next_state is not None:
        page = replace(page, next_state={**page.next_state, _DISTINCT: records_before.dump()})
    if page.here is not None and listing.chain:  # another listing takes its values from this one
        before = listing.memory.get(_BEFORE)
        page = replace(page, here={**page.here, _DISTINCT: records_before.dump([] if before is None else [before])})
    return page


def _enrich(listing: Listing, settings: Enrich, records: list[Any], scope: Scope, location: str) -> Flow[list[Any]]:
    """Add the responses of one enrichment to the records. A record without a response gets null."""
    holds = [True] * len(records)
    if settings.when is not None:
        with _locate_errors(f"{location}.when"):
            holds = verdicts(settings.when, records, scope)
    chosen = [index for index, is_chosen in enumerate(holds) if is_chosen]
    answers: dict[int, Any] = {}
    size = settings.batch or 1
    for start in range(0, len(chosen), size):
        group = chosen[start : start + size]
        names: Names = {"record": records[group[0]]}
        if settings.batch is not None:
            keys = [_read_key(records[index], settings.key, scope, location) for index in group]
            names = {"records": [records[index] for index in group], "keys": keys}
        response = yield from step_request(
            listing.run,
            settings.request,
            scope | names,
            f"{location}.request",
            report=lambda name, verdict: endings_of(listing).add_values(verdict, name),
        )
        response = _pick_part(response, settings.response_path, scope, location)
        if settings.batch is None:
            answers[group[0]] = response
        else:
            rows = _index_rows(response, settings, scope)
            answers |= {index: rows.get(str(key)) for index, key in zip(group, keys, strict=True)}
    enriched = list(records)
    for index, record in zip(chosen, _combine(settings, records, chosen, answers, scope, location), strict=True):
        enriched[index] = record
    return enriched


def _pick_part(response: Any, path: str | None, scope: Scope, location: str) -> Any:
    if path is None or response is None:
        return response
    with _locate_errors(f"{location}.response_path"):
        part = pick(path, response, scope)
    return None if part is UNDEFINED else part


def _read_key(record: Any, key: str | None, scope: Scope, location: str) -> Any:
    value = identity(record, key, scope)
    if value is UNDEFINED or value is None:
        raise ConfigurationError(
            f"{location}: a record has no key", hint="set `key`, or exclude such records with `when`"
        )
    return value


def _index_rows(response: Any, settings: Enrich, scope: Scope) -> dict[str, Any]:
    """Return the rows of a batch's response by key. An object already is by key, unless `match` is set."""
    if isinstance(response, dict) and settings.match is None:
        return {str(key): row for key, row in response.items()}
    rows = response if isinstance(response, list) else [] if response is None else [response]
    rows_by_key: dict[str, Any] = {}
    for row in rows:
        key = identity(row, settings.match or settings.key, scope)
        if key is not UNDEFINED and key is not None:
            rows_by_key.setdefault(str(key), row)
    return rows_by_key


def _combine(  # noqa: PLR0917
    settings: Enrich, records: list[Any], chosen: list[int], answers: dict[int, Any], scope: Scope, location: str
) -> list[Any]:
    if settings.transform is not None:
        scopes = [{**scope, "record": records[index], "response": answers[index]} for index in chosen]
        with _locate_errors(f"{location}.transform"):
            values = compile_mapping([settings.transform]).apply(scopes, conditions_of(scope))
        return [
            records[index] if value is UNDEFINED or value is None else value
            for index, value in zip(chosen, values, strict=True)
        ]
    name = settings.into or settings.name
    if any(not isinstance(records[index], dict) for index in chosen):
        raise ConfigurationError(
            f"{location}: cannot add the field `{name}` to a record that is not an object",
            hint="turn such records into objects with `transform`",
        )
    return [{**records[index], name: answers[index]} for index in chosen]


@contextmanager
def _locate_errors(location: str) -> Iterator[None]:
    try:
        yield
    except ExpressionError as error:
        error.at = f"{location}.{error.at}" if error.at else location
        raise
