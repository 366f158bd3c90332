"""What a tool returns: short JSON, whatever the vendor sends, and errors that say whether to call again."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from conn_service.agent_text import cut_data, format_for_agent
from conn_service.http.problems import HttpProblem

__all__ = [
    "MOST_CHARACTERS",
    "ToolResult",
    "describe_failure",
    "format_data",
    "format_members",
    "format_record",
    "format_resources",
]

MOST_CHARACTERS: Final = 20_000
"""Of a result: about 5,000 tokens."""
_MOST_OF_RECORD: Final = 8_000
_MOST_DEPTH: Final = 12
_LENGTHS: Final = ((50, 2_000), (20, 500), (10, 200), (3, 100), (1, 40))
"""The items of a list and the characters of a string that stay, from the longest form to the shortest."""
Retry = Literal["never", "corrected", "later", "check"]
_RETRIES: Final[Mapping[str, Retry]] = {
    "invalid_request": "corrected",
    "unknown": "corrected",
    "not_found": "corrected",
    "conflict": "corrected",
    "too_large": "corrected",
    "rate_limited": "later",
    "vendor_unavailable": "later",
    "timeout": "later",
    "overloaded": "later",
    "store": "later",
    "credential_store": "later",
    "not_ready": "later",
    "draining": "later",
    "unknown_result": "check",
}
"""When to call again after an error of a kind: with other arguments, later, or after a look at what was written. For
every other kind, somebody has to act before."""
_UNCERTAIN: Final = "it may have been written: read the record before you plan it again"


@dataclass(frozen=True, slots=True)
class ToolResult:
    """The text of a result, and whether it is an error."""

    text: str
    is_error: bool = False


def describe_failure(problem: HttpProblem, *, may_have_written: bool = False) -> ToolResult:
    """Return a problem as a result: its kind, what is wrong, and what to do."""
    retry: Retry = "check" if may_have_written else _RETRIES.get(problem.kind, "never")
    wait = problem.headers.get("retry-after", "")
    error = {
        "kind": problem.kind,
        "detail": problem.detail,
        "fix": problem.fix or (_UNCERTAIN if retry == "check" else None),
        "retry": retry,
        "retry_after_seconds": int(wait) if retry == "later" and wait.isdigit() else None,
        **problem.more,
    }
    return ToolResult(format_data({"error": error}), is_error=True)


def format_data(data: Any, most: int | None = MOST_CHARACTERS) -> str:
    """Return data as JSON text of at most `most` characters, without nulls. Long texts and lists in it are cut, and say
    so."""
    data = _drop_nulls(data, _MOST_DEPTH)
    text = format_for_agent(data)
    for items, characters in _LENGTHS:
        if most is None or len(text) <= most:
            return text
        text = format_for_agent(cut_data(data, items, characters))
    return text if most is None or len(text) <= most else format_for_agent({"…": "too long to be shown; pass fields"})


def format_record(record: Any) -> str:
    """Return a record as JSON text, of fewer characters than a result has."""
    return format_data(record, _MOST_OF_RECORD)


def format_members(members: Mapping[str, str], rest: Mapping[str, Any]) -> str:
    """Return an object as JSON text: members that are JSON text already, and the others as `format_data` does."""
    parts = [f'"{name}":{text}' for name, text in members.items()]
    return f"{{{','.join(filter(None, [*parts, format_data(rest)[1:-1]]))}}}"


def format_resources(resources: Mapping[str, Collection[str]], search: str) -> str:
    """Return the resources whose names have a text, with their methods; as many as a result has."""
    found = {name: " ".join(methods) for name, methods in resources.items() if search.casefold() in name.casefold()}
    shown: dict[str, str] = {}
    left = MOST_CHARACTERS // 2
    for name, methods in found.items():
        left -= len(name) + len(methods)
        if left < 0:
            break
        shown[name] = methods
    more = len(found) - len(shown)
    return format_for_agent({"resources": shown, **({"more": f"{more} more: pass search"} if more else {})})


def _drop_nulls(value: Any, depth: int) -> Any:
    if isinstance(value, dict | list) and depth == 0:
        return "… nested deeper"
    if isinstance(value, dict):
        return {key: _drop_nulls(item, depth - 1) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_drop_nulls(item, depth - 1) for item in value]
    return value
