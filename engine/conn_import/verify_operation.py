"""Choose the operation that verifies a credential: a cheap read without parameters, if there is one."""

import re
from collections.abc import Sequence

from conn_import.operation import BuiltOperation
from conn_import.words import to_snake

__all__ = ["find_cheapest_read", "find_self_read"]

_ITSELF = ("me", "myself", "self", "whoami", "current_user", "user", "account", "profile", "current")
_UNFIT = frozenset({
    "authorize", "autocomplete", "batch", "bulk", "callback", "download", "downloads", "events", "export", "exports",
    "find", "health", "login", "logout", "lookup", "oauth", "ping", "query", "report", "reports", "search", "signin",
    "signout", "stream", "sync", "token", "tokens",
})  # fmt: skip
"""Words of paths that do more than a cheap read, or that need no credential."""
_VERSION = re.compile(r"api|rest|v?\d+(?:\.\d+)*", re.IGNORECASE)
"""Path segments of operations that describe the API. They often respond without a credential."""


def find_cheapest_read(operations: Sequence[BuiltOperation]) -> BuiltOperation | None:
    """Return a GET without parameters: about the account itself, or else a short or paginated list, or else any read.
    Returns None if every read needs parameters."""
    usable = [one for one in operations if _needs_nothing(one)]
    return find_self_read(usable) or min(usable, key=_rate_cost, default=None)


def find_self_read(operations: Sequence[BuiltOperation]) -> BuiltOperation | None:
    """Return a GET without parameters about the account itself, or None."""
    usable = [one for one in operations if _needs_nothing(one)]
    for word in _ITSELF:
        for one in usable:
            if one.name.method == word or (
                f"_{one.name.resource}".endswith((f"_{word}", f"{word}s")) and one.name.method == "get"
            ):
                return one
    return None


def _needs_nothing(one: BuiltOperation) -> bool:
    endpoint, form = one.endpoint, one.form
    words = {word for segment in endpoint.path.split("/") for word in to_snake(segment).split("_")}
    about = any(not _VERSION.fullmatch(segment) for segment in endpoint.path.split("/") if segment)
    return (
        endpoint.method == "get"
        and about
        and not (form.names or form.asked or form.lacks_header)
        and not (endpoint.deprecated or endpoint.base_url or endpoint.public or endpoint.answer.format)
        and _UNFIT.isdisjoint(words)
    )


def _rate_cost(one: BuiltOperation) -> tuple[bool, bool, int]:
    many_at_once = one.paging is not None and one.paging.size is not None and one.paging.size.name in one.form.query
    return one.name.method != "list", many_at_once, one.endpoint.path.count("/")
