"""Parse JSON text to data and, on request, to the place of every node.

`json` reads the data; one pass over the tokens finds the places.
"""

import json
import re
from collections.abc import Iterator
from typing import Any, NoReturn

from conn_engine.diagnostics import Diagnostic
from conn_engine.documents.document import Place
from conn_engine.documents.faults import SourceText, build_duplicate_key
from conn_engine.documents.limits import MAX_DEPTH, MAX_DIGITS, MAX_DUPLICATES

__all__ = ["JsonSyntaxError", "find_places", "load"]

_TOKEN = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[{}\[\],:]|[^\s,:\]\[}{"]+')
_STRING = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_LONE = re.compile("[\ud800-\udfff]")
_LONG_NUMBER = re.compile(rf"\d{{{MAX_DIGITS},}}")


class JsonSyntaxError(Exception):
    """The text is not JSON. `report` raises the finding."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.message = message
        self.at = offset

    def report(self, origin: SourceText) -> NoReturn:
        """Raise ConfigurationError (DOC002) at the fault."""
        origin.fail("DOC002", f"not JSON: {self.message}", self.at, hint=_suggest_fix(origin.text, self.at))


def load(origin: SourceText) -> Any:
    """Return the data.

    Raises JsonSyntaxError for a syntax error, and ConfigurationError for duplicate keys and exceeded limits.
    """
    text = origin.text
    doubled = False

    def members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal doubled
        members = dict(pairs)
        doubled = doubled or len(members) != len(pairs)
        return members

    def constant(name: str) -> NoReturn:
        raise JsonSyntaxError(f"{name} is not a JSON value", max(0, _find_outside_strings(text, name)))

    try:
        data = json.loads(text, object_pairs_hook=members, parse_constant=constant)
    except json.JSONDecodeError as fault:
        message = fault.msg[:1].lower() + fault.msg[1:]
        raise JsonSyntaxError(message, fault.pos) from None
    except RecursionError:
        _fail_too_deep(origin)
    except ValueError:  # an integer that Python cannot convert
        match = _LONG_NUMBER.search(text)
        start, end = match.span() if match else (0, 1)
        origin.fail("DOC005", f"an integer of {end - start} digits is longer than {MAX_DIGITS}", start, end)
    if _is_deeper(data, MAX_DEPTH):
        _fail_too_deep(origin)
    if doubled:
        findings: list[Diagnostic] = []
        find_places(text, origin, findings)
        origin.report_repeated(findings)
    if _SURROGATE.search(text):
        _check_surrogates(origin)
    return data


def find_places(text: str, origin: SourceText | None = None, doubled: list[Diagnostic] | None = None) -> Place:
    """Return the places of a string that `load` has accepted.

    Duplicate keys are added to `doubled`, up to a maximum.
    """
    tokens = _TOKEN.finditer(text)
    root, opened = _build_place(next(tokens))
    stack: list[Place] = [root] if opened else []
    path: list[Any] = []
    key: Place | None = None
    for token in tokens:
        sign = text[token.start()]
        if sign in "}]":
            stack.pop().end = token.end()
            if path:
                path.pop()
            continue
        if sign in ",:":
            continue
        parent = stack[-1]
        children = parent.children
        if children is None:
            raise AssertionError("a value inside a scalar")
        if parent.keys is None:
            name: Any = len(children)
        elif key is None:
            key = Place(token.start(), token.end(), "json")
            continue
        else:
            name = json.loads(text[key.start : key.end])
            if name in parent.keys and origin and doubled is not None and len(doubled) < MAX_DUPLICATES:
                doubled.append(build_duplicate_key(origin, name, (*path, name), key, parent.keys[name]))
            parent.keys.setdefault(name, key)
            key = None
        place, opened = _build_place(token)
        children[name] = place
        if opened:
            stack.append(place)
            path.append(name)
    return root


def _build_place(token: re.Match[str]) -> tuple[Place, bool]:
    """Return the place where a token starts, and whether it opens a container."""
    sign = token[0][0]
    place = Place(token.start(), token.end(), "json" if sign == '"' else "")
    if sign in "{[":
        place.children = {}
        place.keys = {} if sign == "{" else None
    return place, sign in "{["


def _fail_too_deep(origin: SourceText) -> NoReturn:
    depth, position = 0, 0
    for token in _TOKEN.finditer(origin.text):
        sign = token[0]
        depth += (sign in ("{", "[")) - (sign in ("}", "]"))
        if depth > MAX_DEPTH:
            position = token.start()
            break
    origin.fail("DOC005", f"more than {MAX_DEPTH} nested levels of lists and objects", position)


def _is_deeper(data: Any, depth: int) -> bool:
    level = [data] if isinstance(data, dict | list) else []
    for _ in range(depth):
        level = list(_list_containers(level))
        if not level:
            return False
    return True


def _list_containers(level: list[Any]) -> Iterator[Any]:
    for container in level:
        for item in container.values() if isinstance(container, dict) else container:
            if isinstance(item, dict | list):
                yield item


def _check_surrogates(origin: SourceText) -> None:
    for token in _STRING.finditer(origin.text):
        if "\\u" in token[0] and _LONE.search(json.loads(token[0], strict=False)):
            message = "a \\u escape is half of a surrogate pair"
            hint = "write both halves, as in \\ud83d\\ude00, or the character itself"
            origin.fail("DOC002", message, token.start(), token.end(), hint=hint)


def _find_outside_strings(text: str, word: str) -> int:
    blanked = _STRING.sub(lambda found: " " * len(found[0]), text)
    return blanked.find(word)


def _suggest_fix(text: str, position: int) -> str:
    before = text[:position].rstrip()
    if text[position : position + 2] in ("//", "/*") or text[position : position + 1] == "#":
        return "remove the comment, or use a .yaml file: JSON has no comments"
    if text[position : position + 1] == "'":
        return 'use double quotes for JSON strings: "…"'
    if text[position : position + 1] in ("}", "]") and before.endswith(","):
        return "remove the comma before it"
    if text[position : position + 1] == '"' and before[-1:] in set('"}]0123456789'):
        return "add a comma before it"
    return ""
