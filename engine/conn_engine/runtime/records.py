"""Find the records in a decoded body: `response_path`, single objects and nulls, and `record_filter`."""

import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

from conn_engine.conditions import conditions_of
from conn_engine.diagnostics import find_match
from conn_engine.errors import ConfigurationError, ExpressionError
from conn_engine.expressions import UNDEFINED, compile_mapping, evaluate, expression
from conn_engine.settings import Scope, ask

__all__ = [
    "Picked",
    "ResponsePathMissing",
    "finds_all",
    "fingerprints",
    "holds_list",
    "identity",
    "keep",
    "map_records",
    "pick",
    "records_of",
    "verdicts",
]

PLAIN_PATH = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*")
_DEEPEST_LIST = 4
LISTED_PATH = re.compile(rf"\[({PLAIN_PATH.pattern})\]")

Picked = tuple[list[Any], bool]
"""The records, and whether the response is a single object and not a list."""


class ResponsePathMissing(ConfigurationError):
    """`response_path` matches nothing in a successful response.

    `near` lists the keys that the response has instead. `at` is the setting's configuration path, or empty.
    """

    def __init__(self, path: str, near: list[str], hint: str) -> None:
        keys = ", ".join(near[:8]) if near else "no keys"
        super().__init__(f'response_path "{path}" matches nothing in the response (it has {keys})', hint=hint)
        self.path = path
        self.near = near
        self.at = ""


def pick(path: str, body: Any, scope: Scope) -> Any:
    """Return the value that `path`, a JSONata expression, finds in the body, or UNDEFINED.

    Names of `scope` are variables: `$context`, `$partition`. Plain dotted paths are followed here, because passing a
    full page to an evaluator costs more than reading it. So are paths in brackets, which always give a list:
    `[data.items]`.
    """
    conditions = conditions_of(scope)
    listed = LISTED_PATH.fullmatch(path)
    if listed is not None:
        result = pick(listed[1], body, scope)
        return [] if result is UNDEFINED else result if isinstance(result, list) else [result]
    if PLAIN_PATH.fullmatch(path):
        value = body
        for name in path.split("."):
            if not isinstance(value, dict):
                return evaluate(path, body, conditions) if isinstance(value, list) else UNDEFINED
            value = value.get(name, UNDEFINED)
            if value is UNDEFINED:
                return UNDEFINED
        return value
    if "$" not in path:
        return evaluate(path, body, conditions)
    compiled = expression(path)
    variables = {name: scope[name] for name in compiled.variables() if name in scope}
    return compiled.evaluate(body, conditions, bindings=variables)


def finds_all(path: str | None) -> bool:
    """Return whether `path` finds a list of the response as it is, and does not select records from it."""
    return path is None or PLAIN_PATH.fullmatch(path) is not None or LISTED_PATH.fullmatch(path) is not None


def records_of(path: str | None, body: Any, scope: Scope) -> Picked:
    """Return the records of a response. A list gives its non-null items, an object one record, null none.

    Raises ResponsePathMissing when a configured path matches nothing. An empty listing has `[]` or null at the path, so
    a path without a match is mistyped, or the vendor has changed its response.
    """
    value = body if path is None else pick(path, body, scope)
    if value is UNDEFINED:
        raise _build_missing_error(path or "", body)
    if value is None:
        return [], path is None
    if isinstance(value, list):
        return [item for item in value if item is not None], False
    return [value], True


def holds_list(path: str, body: Any, lists: Sequence[str], scope: Scope) -> bool:
    """Return whether a plain path leads to an element in `lists` that is absent because the list is empty."""
    above, _, name = path.rpartition(".")
    if name not in lists or not PLAIN_PATH.fullmatch(path):
        return False
    return not above or pick(above, body, scope) is not UNDEFINED


def _build_missing_error(path: str, body: Any) -> ResponsePathMissing:
    level = body
    names = path.split(".")
    found = 0
    while found < len(names) and isinstance(level, dict) and names[found] in level:
        level = level[names[found]]
        found += 1
    near = [str(key) for key in level] if isinstance(level, dict) else []
    if not PLAIN_PATH.fullmatch(path):
        return ResponsePathMissing(path, near, f"write [{path}] if it may match nothing: it then gives an empty list")
    if isinstance(body, list):
        return ResponsePathMissing(path, near, "remove response_path: the response is the list of records")
    match, _ = find_match(names[found] if found < len(names) else path, near)
    lists = list(_find_lists(body, ""))
    above = "".join(f"{name}." for name in names[:found])
    inside = [path for path in lists if path.startswith(above)]
    if match:
        hint = f'did you mean "{".".join([*names[:found], match])}"?'
    elif len(lists) == 1:
        hint = f'did you mean "{lists[0]}", the only list in the response?'
    elif above and len(inside) == 1:
        hint = f'did you mean "{inside[0]}", the only list in {above.removesuffix(".")}?'
    else:
        hint = "if the vendor omits the key when there are no records, write: $exists(key) ? key : []"
    return ResponsePathMissing(path, near, hint)


def _find_lists(body: Any, above: str, depth: int = 0) -> Iterator[str]:
    """Yield the paths of the lists in a body, outside of other lists."""
    for key, value in body.items() if isinstance(body, dict) and depth < _DEEPEST_LIST else ():
        path = f"{above}.{key}" if above else str(key)
        if isinstance(value, list):
            yield path
        else:
            yield from _find_lists(value, path, depth + 1)


def keep(condition: str, records: list[Any], scope: Scope) -> list[Any]:
    """Return the records for which `condition` is true. It sees each as `record`, in addition to the call's names."""
    return [record for record, holds in zip(records, verdicts(condition, records, scope), strict=True) if holds]


def verdicts(condition: str, records: list[Any], scope: Scope) -> list[bool]:
    """Return whether `condition` is true for each record, with one evaluation for all of them."""
    try:
        results = compile_mapping([f"$boolean({condition})"]).apply(
            [{**scope, "record": record, "response": record} for record in records], conditions_of(scope)
        )
    except ExpressionError as error:  # report it in the author's text
        error.text, error.offset = condition, max(error.offset - len("$boolean("), -1)
        raise
    return [verdict is True for verdict in results]


def fingerprints(key: str, records: list[Any], scope: Scope) -> list[bytes]:
    """Return a digest of each record's key, or of the complete record if it has no key."""
    scopes = [{**scope, "record": record, "response": record} for record in records]
    results = compile_mapping([key]).apply(scopes, conditions_of(scope))
    keys = [
        record if value is UNDEFINED or value is None else value for record, value in zip(records, results, strict=True)
    ]
    texts = (json.dumps(value, sort_keys=True, ensure_ascii=True) for value in keys)
    return [hashlib.blake2b(text.encode(), digest_size=16).digest() for text in texts]


def identity(record: Any, key: str | None, scope: Scope) -> Any:
    """Return a record's key: the value of `key` over the record, else its `id`. A value that is not an object is its
    own key. UNDEFINED means that the record has no key.
    """
    if key is None:
        return record.get("id", UNDEFINED) if isinstance(record, dict) else record
    return ask(key, record, conditions_of(scope))


def map_records(layer: Any, records: list[Any], scope: Scope) -> list[list[Any]]:
    """Apply `record_mapping` to each record: a list gives several records, null and undefined none."""
    results = compile_mapping([layer]).apply([{**scope, "record": record} for record in records], conditions_of(scope))
    return [
        [item for item in (value if isinstance(value, list) else [value]) if item is not UNDEFINED and item is not None]
        for value in results
    ]
