"""What a change does to the endpoints that accounts have. Nothing is run."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from conn_engine.analysis.impact.model import ChangeKind
from conn_engine.config import Effective, Workspace
from conn_engine.config.endpoint_levels import EndpointKind, EndpointValue, find_endpoint_values, read_endpoint_values
from conn_engine.documents import wildcards

__all__ = ["find_endpoint_changes", "have_same_endpoints_below"]

_Values = Mapping[str, EndpointValue]
_REMARKS = ("description", "previous_secret")


def find_endpoint_changes(
    workspaces: tuple[Workspace, Workspace], effectives: tuple[Effective, Effective]
) -> dict[tuple[str, ChangeKind], int]:
    """Return what changes for an account at the endpoints that subscribe to events. Those without `events` only receive
    what syncs deliver, whose rows report it. Counts are 0: no record is affected."""
    old, new = (find_endpoint_values(*side) for side in zip(workspaces, effectives, strict=True))
    changes: dict[tuple[str, ChangeKind], int] = {}
    for name in sorted({*old, *new}):
        before, after = old.get(name), new.get(name)
        if before is None or not _get(before, "events"):
            if after is not None and _get(after, "events"):
                changes[f"endpoints.{name}", "added"] = 0
        elif after is None:
            changes[f"endpoints.{name}", "missing"] = 0
        else:
            changes |= {(f"endpoints.{name}.{key}", kind): 0 for key, kind in _compare(before, after)}
    return changes


def have_same_endpoints_below(workspaces: tuple[Workspace, Workspace], effectives: tuple[Effective, Effective]) -> bool:
    """Return whether conn.yaml and the environment set the same endpoints, so that only the account's differ."""
    sides = []
    for workspace, effective in zip(workspaces, effectives, strict=True):
        documents: list[tuple[EndpointKind, str]] = [
            ("workspace", "conn"),
            ("environment", effective.environment or ""),
        ]
        sides.append([_list_raw(read_endpoint_values(workspace, kind, name)) for kind, name in documents])
    return sides[0] == sides[1]


def _compare(before: _Values, after: _Values) -> Iterator[tuple[str, ChangeKind]]:
    for key in sorted({*before, *after} - {"events", *_REMARKS}):
        if _get(before, key) != _get(after, key):
            yield key, "credential_changed" if key == "secret" else "destination_changed"
    old, new = (_get(side, "events") or [] for side in (before, after))
    if [pattern for pattern in old if not _covers(new, pattern)]:
        yield "events", "may_be_missed"
    elif [pattern for pattern in new if not _covers(old, pattern)]:
        yield "events", "added"


def _covers(patterns: Iterable[str], pattern: str) -> bool:
    """Return whether all events of a pattern match one of the others: `*` matches a pattern like any text."""
    return any(other == pattern or wildcards.is_match(other, pattern) for other in patterns)


def _get(values: _Values, key: str) -> Any:
    return values[key].value if key in values else None


def _list_raw(endpoints: Mapping[str, _Values]) -> dict[str, dict[str, Any]]:
    return {name: {key: one.value for key, one in values.items()} for name, values in endpoints.items()}
