"""List the values of endpoints that a change adds, changes or removes. Nothing is run."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from conn_engine.analysis.impact.model import ChangedSetting
from conn_engine.analysis.impact.statements import format_plain, shorten_around_difference
from conn_engine.config import Workspace, format_place
from conn_engine.config.endpoint_levels import EndpointKind, EndpointValue, read_endpoint_values

__all__ = ["find_changed_endpoints"]


def find_changed_endpoints(before: Workspace, after: Workspace, accounts: Iterable[str]) -> Iterator[ChangedSetting]:
    """Yield every value of an endpoint that the change adds, changes or removes: in conn.yaml, in environments, and in
    some accounts."""
    documents: list[tuple[EndpointKind, str]] = [("workspace", "conn")]
    documents += [("environment", name) for name in sorted({*before.environments(), *after.environments()})]
    documents += [("account", name) for name in sorted(accounts)]
    for kind, name in documents:
        sides = [read_endpoint_values(workspace, kind, name) for workspace in (before, after)]
        values = [{one.path: one for values in side.values() for one in values.values()} for side in sides]
        yield from _compare_documents(values, name if kind == "account" else "")


def _compare_documents(sides: Sequence[Mapping[Any, EndpointValue]], account: str) -> Iterator[ChangedSetting]:
    old, new = sides
    for path in sorted({*old, *new}, key=str):
        before, after = old.get(path), new.get(path)
        present = after or before
        if present is None or (before is not None and after is not None and before.value == after.value):
            continue
        if path[-1] == "description":
            continue
        note = "added" if before is None else "removed" if after is None else "changed"
        texts = (format_plain(one.shown) if one is not None else "" for one in (before, after))
        shown = shorten_around_difference(*texts)
        yield ChangedSetting(present.level, format_place(path), present.span, note, account, *shown)
