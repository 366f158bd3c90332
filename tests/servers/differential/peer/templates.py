"""What a Jinja template reads: the paths below one of its names. And a template as a pattern of what it may give."""

import re
from collections.abc import Callable
from functools import cache
from typing import Any

from airbyte_cdk.sources.declarative.interpolation.interpolated_string import InterpolatedString
from airbyte_cdk.sources.declarative.interpolation.jinja import _ENVIRONMENT
from jinja2 import meta, nodes

__all__ = [
    "capturing",
    "compared",
    "holding",
    "lists",
    "literals",
    "mentions",
    "only",
    "paths",
    "pattern",
    "plain",
    "read_form",
]

Path = tuple[str | int, ...]
_HOLE = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)
_KNOWN = {"config", "parameters", "now_utc", "today_utc", "format_datetime", "duration", "day_delta"}


def _resolve(node: nodes.Node, root: str) -> Path | None:
    if isinstance(node, nodes.Name):
        return () if node.name == root else None
    if isinstance(node, nodes.Getattr):
        head = _resolve(node.node, root)
        return None if head is None else (*head, node.attr)
    if isinstance(node, nodes.Getitem) and isinstance(node.arg, nodes.Const):
        head = _resolve(node.node, root)
        return None if head is None else (*head, node.arg.value)
    if isinstance(node, nodes.Call) and isinstance(node.node, nodes.Getattr) and node.node.attr == "get" and node.args:
        head, first = _resolve(node.node.node, root), node.args[0]
        return None if head is None or not isinstance(first, nodes.Const) else (*head, first.value)
    return None


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch(r"[\w.@$-]+", value) is not None


def lists(template: str, root: str) -> list[tuple[Path, str]]:
    """Paths below `root` that the template takes for lists of objects, with the field it takes of each."""
    found = []
    for node in _tree(template).find_all(nodes.Filter):
        names = [
            one.value.value for one in node.kwargs if one.key == "attribute" and isinstance(one.value, nodes.Const)
        ]
        path = _resolve(node.node, root) if node.name == "map" and node.node is not None else None
        if path and names:
            found.append((path, str(names[0])))
    return found


@cache
def _tree(template: str) -> nodes.Template:
    return _ENVIRONMENT.parse(template)


def paths(template: str, root: str) -> list[Path]:
    """Every maximal path that the template reads below `root`, in order of appearance."""
    found: list[Path] = []

    def visit(node: nodes.Node) -> None:
        path = _resolve(node, root)
        if path:
            found.append(path)
            return
        if isinstance(node, nodes.Call) and isinstance(node.node, nodes.Getattr):  # a method is not a field
            for child in (node.node.node, *node.args, *node.kwargs):
                visit(child)
            return
        if isinstance(node, nodes.Compare) and isinstance(node.expr, nodes.Const) and _is_name(node.expr.value):
            for operand in node.ops:
                head = _resolve(operand.expr, root)
                if operand.op in ("in", "notin") and head is not None:
                    found.append((*head, node.expr.value))
        for child in node.iter_child_nodes():
            visit(child)

    visit(_tree(template))
    return list(dict.fromkeys(found))


def literals(template: str) -> list[Any]:
    """The constants of a template."""
    return [node.value for node in _tree(template).find_all(nodes.Const)]


def read_form(template: str) -> str:
    """The form in which a template reads a date: the third argument of `format_datetime`, or that of `strptime`."""
    for call in _tree(template).find_all(nodes.Call):
        name = call.node.attr if isinstance(call.node, nodes.Getattr) else getattr(call.node, "name", "")
        told = {"format_datetime": call.args[2:3], "strptime": call.args[-1:]}.get(name, [])
        for one in told:
            if isinstance(one, nodes.Const) and "%" in str(one.value):
                return str(one.value)
    return ""


def compared(template: str) -> list[Any]:
    """The constants that a template compares with: no keys, no formats."""
    found: list[Any] = []

    def visit(node: nodes.Node, inside: bool) -> None:
        if isinstance(node, nodes.Const) and inside:
            found.append(node.value)
        for child in node.iter_child_nodes():
            key = isinstance(node, nodes.Getitem) and child is node.arg
            inner = isinstance(child, nodes.Compare) or (inside and not isinstance(node, nodes.Call) and not key)
            visit(child, inner)

    visit(_tree(template), False)
    return found


def mentions(template: Any, *names: str) -> bool:
    """Whether the template reads one of these names."""
    if not isinstance(template, str) or "{" not in template:
        return False
    return bool(meta.find_undeclared_variables(_tree(template)) & set(names))


def only(template: str, *names: str) -> bool:
    """Whether the template reads nothing else than these names (and what never changes)."""
    return bool(meta.find_undeclared_variables(_tree(template)) <= {*_KNOWN, *names})


def capturing(template: str, name: str) -> tuple[re.Pattern[str], list[str]]:
    """A pattern that captures what the holes that read `name` gave, and those holes."""
    return _captured(template, lambda hole: mentions(hole, name))


def holding(template: str, text: re.Pattern[str]) -> tuple[re.Pattern[str], list[str]]:
    """A pattern that captures what the holes in which a text is found gave, and those holes."""
    return _captured(template, lambda hole: text.search(hole) is not None)


def _captured(template: str, wanted: Callable[[str], bool]) -> tuple[re.Pattern[str], list[str]]:
    expression, position, holes = "", 0, []
    for hole in _HOLE.finditer(template):
        expression += re.escape(template[position : hole.start()])
        if wanted(hole.group()):
            holes.append(hole.group())
            expression += "(.*?)"
        else:
            expression += ".*?"
        position = hole.end()
    return re.compile(expression + re.escape(template[position:]), re.DOTALL), holes


def plain(template: Any, config: dict[str, Any], parameters: dict[str, Any], **names: Any) -> str:
    """A template over config, parameters and the given names, as the CDK reads it."""
    return str(InterpolatedString.create(str(template), parameters=parameters).eval(config, **names))


def pattern(template: str, config: dict[str, Any], parameters: dict[str, Any]) -> tuple[str, int]:
    """A regular expression for what a template may give, and how many characters of it are certain."""
    expression, certain, position = "", 0, 0
    if "{%" in template:
        return ".*", 0
    for hole in _HOLE.finditer(template):
        text = template[position : hole.start()]
        if meta.find_undeclared_variables(_tree(hole.group())) <= _KNOWN:
            text += plain(hole.group(), config, parameters)
            expression += re.escape(text)
        else:
            expression += re.escape(text) + ".*?"
        certain += len(text)
        position = hole.end()
    return expression + re.escape(template[position:]), certain + len(template) - position
