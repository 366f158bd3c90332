"""What a model says about data that does not fit it, as a finding. Only for faults that the published schemas
cannot see: those of merged levels and those between the settings of a strategy.
"""

import json
import re
from collections.abc import Callable
from typing import Final

from conn_engine.config.merge import Path_
from conn_engine.diagnostics import Diagnostic, Span, diagnostic
from conn_engine.documents import format_path

__all__ = ["fault", "quote_value"]

_UNKNOWN: Final = re.compile(r"^Object contains unknown field `(.*)`$", re.DOTALL)
_MISSING: Final = re.compile(r"^Object missing required field `(.+)`$")
_TYPE: Final = re.compile(r"^Expected `(.+)`, got `(.+)`$")
_TAG: Final = re.compile(r"^Invalid value '?(.*?)'?$", re.DOTALL)


def quote_value(text: str) -> str:
    """A piece of a document as messages show it: quoted, on one line, no control characters, 80 at most."""
    return json.dumps(text if len(text) <= 80 else text[:80] + "…", ensure_ascii=False)


def fault(reason: str, path: Path_, span: Callable[[Path_, bool], Span]) -> Diagnostic:
    """The finding. `span` gives the place of a path's key (True) or value (False), or of the nearest that
    exists.
    """
    if found := _UNKNOWN.match(reason):
        here = (*path, found[1])
        return diagnostic("CFG101", f"unknown key {quote_value(found[1])}", span(here, True), path=format_path(here))
    if found := _MISSING.match(reason):
        message = f"missing key {quote_value(found[1])}" + (f" in {format_path(path)}" if path else "")
        return diagnostic("CFG103", message, span(path, True), path=format_path((*path, found[1])))
    if found := _TYPE.match(reason):
        return diagnostic("CFG102", f"expected {found[1]}, found {found[2]}", span(path, False), path=format_path(path))
    if path[-1:] == ("format",) and (found := _TAG.match(reason)):
        return diagnostic(
            "CFG105", f"unknown format {quote_value(found[1])}", span(path, False), path=format_path(path)
        )
    return diagnostic("CFG104", " ".join(reason.split()), span(path, False), path=format_path(path))
