"""Judge whether a run has everything, from what it has counted and from what the vendor reports."""

from collections.abc import Mapping

from conn_engine.diagnostics import pluralize
from conn_engine.wire import Page
from conn_service.syncs.filling import PageDraft

__all__ = ["count_ids", "count_page", "find_missing", "get_total"]

_RESULTS = ("spooled", "unchanged", "duplicates", "read_again", "set_aside", "skipped")
_OUTPUTS = ("spooled", "unchanged", "duplicates", "read_again", "filtered", "skipped", "set_aside", "empty")


def count_page(draft: PageDraft, page: Page, *, is_resumed: bool) -> None:
    """Count a page of the records that a run delivers: the vendor's total with the last one, which counts all records
    only if the listing was read without a break."""
    draft.add("skipped_by_rule", int(page.skipped))
    if page.completeness is not None:
        total = None if is_resumed or page.completeness.policy == "ignore" else page.completeness.total
        draft.add("listings")
        draft.add("listings_with_total", int(total is not None))
        draft.add("total", total or 0)


def get_total(counts: Mapping[str, int]) -> int | None:
    """Return the number of records that the vendor reports, None if it does not report it for each listing."""
    listings = counts.get("listings", 0)
    return counts.get("total", 0) if listings and listings == counts.get("listings_with_total") else None


def count_ids(counts: Mapping[str, int]) -> int:
    """Return the number of different records that a run has read."""
    return counts.get("records", 0) - counts.get("read_again", 0) - counts.get("duplicates", 0)


def find_missing(counts: Mapping[str, int], gaps: int) -> str:
    """Return why a run that has read all pages may lack records, "" if nothing says so: a transformation that gives
    nothing for any record is one that does not fit.

    A vendor whose records move while they are listed can return as many as its total, some of them twice and others
    never. That is known if each record led to one.
    """
    if gaps:
        return f"{pluralize(gaps, 'page')} of the run {'is' if gaps == 1 else 'are'} not in the store"
    if counts.get("empty") and not any(counts.get(name) for name in _RESULTS):
        return f"transform gives nothing for {pluralize(counts['empty'], 'record')}: to leave records out, use filter"
    total, ids = get_total(counts), count_ids(counts)
    listed = counts.get("records", 0) - counts.get("deleted_in_listing", 0)
    is_one_to_one = listed == sum(counts.get(name, 0) for name in _OUTPUTS) - counts.get("deletes", 0)
    if total is None or ids >= total or not is_one_to_one:
        return ""
    return f"{ids:,} of {pluralize(total, 'record')} arrived: {counts.get('duplicates', 0):,} came more than once"
