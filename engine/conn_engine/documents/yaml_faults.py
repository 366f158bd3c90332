"""Report YAML syntax faults in the words of an author, each with its likely fix. `yaml_text` reads the text."""

import re
from typing import Any, NoReturn

from conn_engine.diagnostics import Edit, Fix
from conn_engine.documents.faults import SourceText
from conn_engine.documents.value_text import format_json, format_scalar

__all__ = ["fail_lone_surrogate", "fail_syntax", "fail_wrong_key"]

_QUOTE_TEMPLATE = 'quote a value that starts with {{: "{{…}}"'
_TEMPLATE = re.compile(r"\{\s*\{")
_WHOLE_TEMPLATE = re.compile(r"\{\{[^{}\r\n]*\}\}(?=[ \t]*(?:[,}\]\r\n]|\Z))")
_ENTRY = re.compile(
    r"""[ \t]*(?:-[ ]+)*(?:[\w.$-]+|"[^"\\]*"|'[^']*'):[ \t]+(?P<value>[^\s#&!|>].*?)[ \t]*(?:[ \t]#.*)?$"""
    r"""|[ \t]*-[ ]+(?P<item>[^\s#&!|>].*?)[ \t]*(?:[ \t]#.*)?$""",
)
"""A line of block YAML with a value."""


def fail_syntax(origin: SourceText, fault: Any) -> NoReturn:
    """Raise ConfigurationError (DOC002, DOC004) for what the YAML parser reports."""
    mark = getattr(fault, "problem_mark", None) or getattr(fault, "context_mark", None)
    if mark is None:
        _fail_unreadable_character(origin, fault)
    position = min(mark.index, len(origin.text))
    problem = str(fault.problem or fault.context or "not YAML")
    if "another document" in problem:
        message = "a second document starts here, but a file can only have one"
        origin.fail("DOC002", message, position, hint="remove the line ---, or move the document to its own file")
    if "undefined alias" in problem:
        hint = "quote text that starts with *; in an expression this is the wildcard"
        message = "the alias has no anchor above it"
        origin.fail("DOC004", message, position, hint=hint, fix=_build_quoting(origin, position))
    if "duplicate anchor" in str(fault):
        origin.fail("DOC004", "the anchor occurs twice", position, hint="give it another name")
    if "nesting depth" in problem:
        origin.fail("DOC005", "the document is nested too deeply", position)
    hint = _suggest_fix(origin.text, position, problem)
    opening = getattr(fault, "context_mark", None)
    if "end of stream" in problem and opening is not None:
        origin.fail("DOC002", "not YAML: a quote starts here and never ends", opening.index)
    if "can't be" not in problem and fault.context and "flow" in str(fault.context) and opening is not None:
        sign = origin.text[opening.index : opening.index + 1]
        problem += f" for the {sign} opened on line {origin.span(opening.index).line}"
    message = f"not YAML: {problem.replace('did not find expected', 'expected')}"
    fix = _build_quoting(origin, position) if hint.startswith(("quote ", "quotes ")) else None
    origin.fail("DOC002", message, position, hint=hint, fix=fix)


def fail_lone_surrogate(origin: SourceText, position: int) -> NoReturn:
    """Raise ConfigurationError (DOC002) for half of a surrogate pair in the text itself."""
    origin.fail("DOC002", "the text contains half of a surrogate pair", position, hint="write the complete character")


def fail_wrong_key(origin: SourceText, position: int, parent: int) -> NoReturn:
    """Raise ConfigurationError for a key that is a list or mapping, most often an unquoted template."""
    if _TEMPLATE.match(origin.text, parent):
        message = "a template without quotes is read as a mapping"
        origin.fail("DOC009", message, parent, hint=_QUOTE_TEMPLATE, fix=_build_quoting(origin, parent))
    origin.fail("DOC009", "a key must be text, not a list or a mapping", position, hint="quote it")


def _fail_unreadable_character(origin: SourceText, fault: Any) -> NoReturn:
    position = getattr(fault, "position", 0)
    character = getattr(fault, "character", None)
    offset = position if isinstance(position, int) else 0
    if isinstance(character, int):
        # The C reader counts bytes, and the other one counts characters, so search for the character.
        character_offset = origin.text.find(chr(character))
        offset = character_offset if character_offset >= 0 else offset
        message = f"not YAML: the character U+{character:04X} is not allowed"
        origin.fail("DOC002", message, offset, hint='write it as an escape in double quotes: "\\x07"')
    origin.fail("DOC002", f"not YAML: {getattr(fault, 'reason', fault)}", offset)


def _build_quoting(origin: SourceText, position: int) -> Fix | None:
    """Return the fix that quotes the template at a position, or the value on its line; None if that may be a flow list
    or mapping, whose quotes belong inside it."""
    start = max(origin.text.rfind("\n", 0, position), origin.text.rfind("\r", 0, position)) + 1
    entry = _ENTRY.match(re.split(r"[\r\n]", origin.text[start:], maxsplit=1)[0])
    if entry is None:
        return None
    name = "value" if entry["value"] else "item"
    value = entry[name]
    if value[0] in "[{" and not _TEMPLATE.match(value):
        template = _WHOLE_TEMPLATE.match(origin.text, position)
        span = origin.span(template.start(), template.end()) if template else None
        return Fix(origin.file, (Edit("write", value=format_json(template[0]), span=span),)) if template else None
    quoted = format_scalar(value, "'" if '"' in value or "\\" in value else '"')
    span = origin.span(start + entry.start(name), start + entry.end(name))
    return Fix(origin.file, (Edit("write", value=quoted, span=span),))


def _is_indented_differently(text: str, start: int) -> bool:
    """Return whether the line at `start` begins with a plain key in another column than the line above."""
    line, above = text[start:].split("\n", 1)[0], text[:start].rstrip("\r\n").rsplit("\n", 1)[-1]
    if not re.match(r"\s*[\w-]+:(\s|$)", line) or not above.strip() or above.rstrip().endswith(":"):
        return False
    return len(line) - len(line.lstrip()) != len(above) - len(above.lstrip())


def _suggest_fix(text: str, position: int, problem: str) -> str:
    start = max(text.rfind("\n", 0, position), text.rfind("\r", 0, position)) + 1
    before, sign = text[start:position], text[position : position + 1]
    if sign == "\t" or (not before.strip() and "\t" in before):
        return "indent with spaces; YAML does not allow tabs"
    value = before.partition(":")[2].strip()
    if _TEMPLATE.match(value):
        return _QUOTE_TEMPLATE
    if "mapping values" in problem:
        if _is_indented_differently(text, start):
            return "indent this key like its neighbors; if the line above is text, quote it"
        return 'quote the value, or write it as a block: "key: |" and the text indented below it'
    if sign and sign in "@`%":
        return f"quote text that starts with {sign}"
    if value[:1] in ("*", "&"):
        return f"quote text that starts with {value[:1]}"
    if "escape" in problem or "hexdecimal" in problem:
        return "in double quotes, double the backslash, or use single quotes"
    if value[:1] in ("{", "["):
        return "quote the value if it is an expression or text"
    if value[:1] in ('"', "'"):
        return "quotes must close at the end of the value; quote the complete value"
    if "key" in problem or "block" in problem or "indicator" in problem:
        return "check the indentation of this line and the one above"
    return ""
