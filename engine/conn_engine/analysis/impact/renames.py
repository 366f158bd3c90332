"""Find accounts whose file a change renames, so that each account is compared with itself."""

from collections.abc import Callable, Collection, Iterable, Mapping

from conn_engine.analysis.population import AccountShape, Side
from conn_engine.config import leaves
from conn_engine.errors import ConnError

__all__ = ["find_renamed"]


def find_renamed(before: Side, after: Side) -> dict[str, str]:
    """Return the new names of renamed accounts, mapped to their earlier names.

    A removed and an added account are the same if their files are equal and no third file is. They are also the same if
    they are the only ones removed and added for their connector, and most settings of their files are equal.
    """
    old, new = set(before.workspace.accounts()), set(after.workspace.accounts())
    gone, come = _shapes(before, old - new), _shapes(after, new - old)
    renamed: dict[str, str] = {}
    for key in (_file_key, _connector_key):
        ways = _group_names(key, gone, renamed.values()), _group_names(key, come, renamed)
        for place, names in ways[0].items():
            others = ways[1].get(place, [])
            if len(names) == len(others) == 1 and _mostly_equal(before, names[0], after, others[0]):
                renamed[others[0]] = names[0]
    return renamed


def _shapes(side: Side, names: Iterable[str]) -> dict[str, AccountShape]:
    shapes = {}
    for name in sorted(names):
        try:
            shapes[name] = side.shape(name)
        except ConnError:  # it is reported elsewhere
            continue
    return shapes


def _file_key(shape: AccountShape) -> object:
    return (shape.key[:3], str(sorted(shape.context.items(), key=str)))


def _connector_key(shape: AccountShape) -> object:
    return shape.connector


def _group_names(
    key: Callable[[AccountShape], object], shapes: Mapping[str, AccountShape], without: Collection[str]
) -> dict[object, list[str]]:
    names: dict[object, list[str]] = {}
    for name, shape in shapes.items():
        if name not in without:
            names.setdefault(key(shape), []).append(name)
    return names


def _mostly_equal(before: Side, old: str, after: Side, new: str) -> bool:
    sides = [side.workspace.account(name) for side, name in ((before, old), (after, new))]
    first, second = ({**dict(leaves(account.override)), "context": dict(account.context)} for account in sides)
    equal = sum(key in second and second[key] == value for key, value in first.items())
    return bool(2 * equal >= max(len(first), len(second)))
