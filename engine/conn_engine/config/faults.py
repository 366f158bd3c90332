"""Turn a model's error about invalid data into a finding. Only needed for faults that the published schemas cannot
detect: in merged levels, and between the settings of a strategy."""

import json
import re
from collections.abc import Callable
from typing import Final

from conn_engine.config.dotted_places import format_place
from conn_engine.config.implied import explain_missing
from conn_engine.config.merge import Path_
from conn_engine.diagnostics import Diagnostic, Span, diagnostic

__all__ = ["quote_value", "to_finding"]

_UNKNOWN: Final = re.compile(r"^Object contains unknown field `(.*)`$", re.DOTALL)
_MISSING: Final = re.compile(r"^Object missing required field `(.+)`$")
_TYPE: Final = re.compile(r"^Expected `(.+)`, got `(.+)`$")
_TAG: Final = re.compile(r"^Invalid value '?(.*?)'?$", re.DOTALL)


def quote_value(text: str) -> str:
    """Return a part of a document for a message: quoted, on one line, without control characters, at most 80
    characters."""
    return json.dumps(text if len(text) <= 80 else text[:80] + "…", ensure_ascii=False)


def to_finding(reason: str, path: Path_, span: Callable[[Path_, bool], Span]) -> Diagnostic:
    """Return the finding. `span` returns the position of a path's key (True) or value (False), or of the nearest
    existing ancestor."""
    if match := _UNKNOWN.match(reason):
        key_path = (*path, match[1])
        return diagnostic(
            "CFG101", f"unknown key {quote_value(match[1])}", span(key_path, True), path=format_place(key_path)
        )
    if match := _MISSING.match(reason):
        message = f"missing key {quote_value(match[1])}" + (f" in {format_place(path)}" if path else "")
        hint = explain_missing(path, match[1])
        return diagnostic("CFG103", message, span(path, True), path=format_place((*path, match[1])), hint=hint)
    if match := _TYPE.match(reason):
        return diagnostic(
            "CFG102", f"expected {match[1]}, found {match[2]}", span(path, False), path=format_place(path)
        )
    if path[-1:] == ("format",) and (match := _TAG.match(reason)):
        return diagnostic(
            "CFG105", f"unknown format {quote_value(match[1])}", span(path, False), path=format_place(path)
        )
    return diagnostic("CFG104", " ".join(reason.split()), span(path, False), path=format_place(path))
