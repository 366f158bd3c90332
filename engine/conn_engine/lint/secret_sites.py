"""Where credentials, authorization and signatures hold expressions: the places that secrets are in scope of."""

from collections.abc import Iterator
from typing import Any

from conn_engine.documents import Path_, texts
from conn_engine.lint.site import Site
from conn_engine.roles import Names

__all__ = ["secret_sites"]

_ANSWER: Names = frozenset(
    {"response", "body", "headers", "status", "cookies", "cookie", "before", "callback", "request", "records"}
)
_OF_TOKENS = frozenset({"response", "expires", "active", "done"})
_ANYWHERE = frozenset({"by", "content", "expression", "path"})
_TEMPLATED = frozenset({"headers", "query", "body", "claims"}) | {
    f"{part}_{of}" for part in ("token", "authorization", "code", "request", "access") for of in ("params", "headers")
}  # what stands below is called as the vendor likes: a field `path` of a body is no expression


def secret_sites(data: Any, path: Path_) -> Iterator[Site]:
    """Of one setting (`credentials`, `authorization`, `signature`): templates, and what is an expression as a whole."""
    of_token = path[0] == "credentials"
    for inner, text in texts(data):
        names: Names = None
        whole = bool(inner) and not _TEMPLATED.intersection(inner[:-1])
        if whole and of_token and (inner[-1] in _OF_TOKENS or "capture" in inner[:-1]):
            names = _ANSWER
        elif whole and inner[-1] in _ANYWHERE:
            names = frozenset({"context"}) if of_token and inner[-1] == "by" else None
        elif "{{" in text:
            whole = False
        else:
            continue
        yield Site((*path, *inner), text, "expression" if whole else "template", names, secret=True)
