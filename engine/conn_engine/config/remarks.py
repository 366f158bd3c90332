"""The keys of a configuration that only people read. A mapped field or a parameter of the same name is not one."""

from conn_engine.config.merge import INHERITED, MAPPINGS, Path_

__all__ = ["is_remark"]

_OF_A_CONNECTOR = frozenset({"label", "description", "docs_url"})
_OF_A_FIELD = frozenset({"label", "description"})
_OPERATION = {"resources": 3, "unified": 4}
"""How many keys of a path name an operation."""
_OTHER_KEYS = frozenset(INHERITED) | MAPPINGS | {"events"}
"""Keys that stand where operations stand, and hold names of others."""


def is_remark(path: Path_) -> bool:
    """Whether the value at the path is a description or the like, on which nothing that an operation does depends."""
    if len(path) < 2:
        return path[-1:] != () and path[0] in _OF_A_CONNECTOR
    if path[0] == "fields":
        return len(path) == 3 and path[2] in _OF_A_FIELD
    if path[-1] != "description":
        return path == ("credentials", "config", "label")
    length = _OPERATION.get(str(path[0]), 0)
    return length <= len(path) <= length + 1 and _OTHER_KEYS.isdisjoint(path[length - 1 : -1])
