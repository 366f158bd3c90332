"""Finds accounts whose file has another name after a change, so that each is compared with itself."""

from collections.abc import Callable, Collection, Iterable, Mapping

from conn_engine.analysis.population import AccountShape, Side
from conn_engine.config import leaves
from conn_engine.errors import ConnError

__all__ = ["find_renamed"]


def find_renamed(before: Side, after: Side) -> dict[str, str]:
    """Names of accounts after a change to their names before it.

    An account that went is one that came when both files are equal and no third one is. It is also the only one that
    came to its connector, when it was the only one that went and most of what the files set is equal.
    """
    old, new = set(before.workspace.accounts()), set(after.workspace.accounts())
    gone, come = _shapes(before, old - new), _shapes(after, new - old)
    found: dict[str, str] = {}
    for key in (_file_key, _connector_key):
        ways = _group_names(key, gone, found.values()), _group_names(key, come, found)
        for place, names in ways[0].items():
            others = ways[1].get(place, [])
            if len(names) == len(others) == 1 and _mostly_equal(before, names[0], after, others[0]):
                found[others[0]] = names[0]
    return found


def _shapes(side: Side, names: Iterable[str]) -> dict[str, AccountShape]:
    found = {}
    for name in sorted(names):
        try:
            found[name] = side.shape(name)
        except ConnError:  # it is named as such
            continue
    return found


def _file_key(shape: AccountShape) -> object:
    return (shape.key[:3], str(sorted(shape.context.items(), key=str)))


def _connector_key(shape: AccountShape) -> object:
    return shape.connector


def _group_names(
    key: Callable[[AccountShape], object], shapes: Mapping[str, AccountShape], without: Collection[str]
) -> dict[object, list[str]]:
    found: dict[object, list[str]] = {}
    for name, shape in shapes.items():
        if name not in without:
            found.setdefault(key(shape), []).append(name)
    return found


def _mostly_equal(before: Side, old: str, after: Side, new: str) -> bool:
    sides = [side.workspace.account(name) for side, name in ((before, old), (after, new))]
    first, second = ({**dict(leaves(one.override)), "context": dict(one.context)} for one in sides)
    equal = sum(key in second and second[key] == value for key, value in first.items())
    return bool(2 * equal >= max(len(first), len(second)))
