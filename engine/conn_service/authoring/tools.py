"""The tools of the authoring server: their names, arguments and command lines."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

__all__ = ["AUTHORING_TOOLS", "INSTRUCTIONS", "AuthoringTool", "ToolCall", "name_document"]

INSTRUCTIONS = (
    "Write API connectors as YAML and JSONata. Loop: new, lint, test, why, write_file; explain CODE for a finding. "
    "Results are the JSON reports of the conn commands; errors have code, message, fix and place. "
    "Never ask for or write a secret: credentials stay on the user's machine, and a document names them as "
    "{{env.NAME}} or credential fields. Only the user changes conn.yaml and AGENTS.md."
)
_TEXT: Final = {"type": "string"}
_FLAG: Final = {"type": "boolean"}
_TEXTS: Final = {"type": "array", "items": _TEXT}
_VALUES: Final = {"type": "object"}


@dataclass(frozen=True, slots=True)
class ToolCall:
    """What a call runs: the words of a command line, or the `query` of a file, with its standard input.

    `documents` are texts that the command line reads as the files `{document 0}`, `{document 1}` and so on.
    """

    words: tuple[str, ...] = ()
    stdin: str = ""
    query: Mapping[str, Any] | None = None
    documents: tuple[str, ...] = ()
    seconds: float = 120


Arguments = Mapping[str, Any]


@dataclass(frozen=True)
class AuthoringTool:
    """A tool. `writes` is whether it always writes, and `writing` names the arguments with which it does."""

    description: str
    build: Callable[[Arguments], ToolCall]
    properties: Mapping[str, Any] = field(default_factory=dict)
    required: tuple[str, ...] = ()
    writes: bool = False
    writing: tuple[str, ...] = ()

    def build_schema(self, *, read_only: bool) -> dict[str, Any]:
        """Return the JSON Schema of the arguments. With `read_only`, those that write do not exist."""
        left_out = self.writing if read_only else ()
        properties = {name: schema for name, schema in self.properties.items() if name not in left_out}
        schema = {"type": "object", "properties": properties, "additionalProperties": False}
        return {**schema, "required": list(self.required)} if self.required else schema


def _build_words(command: str, arguments: Arguments, *names: str, options: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Return a command line. Values follow `=` or `--`, so that none is read as an option."""
    given = [f"--{name}={arguments[name]}" for name in options if name in arguments]
    values = [str(arguments[name]) for name in names if name in arguments]
    return (*command.split(), "--format=json", *given, "--", *values)


def _format_value(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def name_document(number: int) -> str:
    """Return the name in a command line of a document of the call."""
    return f"{{document {number}}}"


_SELECTION = ("account", "connector")


def _show(arguments: Arguments) -> ToolCall:
    return ToolCall(_build_words("show", arguments, "operation", options=_SELECTION))


def _evaluate(arguments: Arguments) -> ToolCall:
    stdin = json.dumps(arguments.get("input"))
    return ToolCall(_build_words("eval", arguments, "expression"), stdin, seconds=20)


def _map(arguments: Arguments) -> ToolCall:
    stdin = json.dumps(arguments["input"])
    return ToolCall(_build_words("map", arguments, "operation", options=_SELECTION), stdin, seconds=30)


def _lint(arguments: Arguments) -> ToolCall:
    return ToolCall(_build_words("lint --fix" if arguments.get("fix") else "lint", arguments))


def _test(arguments: Arguments) -> ToolCall:
    flags = "".join(f" --{name}" for name in ("raw", "update") if arguments.get(name))
    words = _build_words(f"test{flags}", arguments, options=_SELECTION)
    return ToolCall((*words, *arguments.get("operations", ())))


def _explain_value(arguments: Arguments) -> ToolCall:
    command = "why --value" if "record" in arguments else "why"
    return ToolCall(_build_words(command, arguments, "operation", "path", options=(*_SELECTION, "record")))


def _compare(arguments: Arguments) -> ToolCall:
    return ToolCall(_build_words("diff-override", arguments, "operation", options=("account",)))


def _override(arguments: Arguments) -> ToolCall:
    flags = ("" if arguments.get("write") else " --dry-run") + ("" if "expression" in arguments else " --remove")
    return ToolCall(_build_words(f"override{flags}", arguments, "account", "resource", "field", "expression"))


def _create(arguments: Arguments) -> ToolCall:
    if "document" not in arguments:
        return ToolCall(_build_words("new", arguments, "name"))
    words = _build_words("import --with-samples", arguments, options=("name", "only", "model"))
    return ToolCall((*words, name_document(0)), documents=(arguments["document"],))


def _record(arguments: Arguments) -> ToolCall:
    options = ("connector", "status", "scenario")
    pages = tuple(arguments.get("pages", ()))
    given = [f"--page={name_document(number)}" for number in range(len(pages))]
    given += [f"--param={name}={_format_value(value)}" for name, value in arguments.get("params", {}).items()]
    given += [f"--header={header}" for header in arguments.get("headers", ())]
    given += ["--force"] if arguments.get("force") else []
    command, *words = _build_words("record", arguments, "operation", options=options)
    return ToolCall((command, "--from-body=-", *given, *words), arguments["body"], documents=pages)


def _explain_word(arguments: Arguments) -> ToolCall:
    return ToolCall(_build_words("explain", arguments, "word"))


def _read_file(arguments: Arguments) -> ToolCall:
    return ToolCall(query={"action": "read", "path": arguments["path"], "line": arguments.get("line", 1)}, seconds=20)


def _write_file(arguments: Arguments) -> ToolCall:
    return ToolCall(query={"action": "write", "path": arguments["path"], "text": arguments["text"]}, seconds=60)


_WHERE: Final = {"account": _TEXT, "connector": _TEXT}
AUTHORING_TOOLS: Final[Mapping[str, AuthoringTool]] = {
    "list": AuthoringTool("List connectors, operations and accounts.", lambda _: ToolCall(_build_words("show", {}))),
    "show": AuthoringTool("Effective configuration, and what sets each value.", _show, {"operation": _TEXT, **_WHERE}),
    "eval": AuthoringTool("Evaluate JSONata.", _evaluate, {"expression": _TEXT, "input": {}}, ("expression",)),
    "map": AuthoringTool(
        "Map vendor records by an operation (contacts.list).",
        _map,
        {"operation": _TEXT, "input": {}, **_WHERE},
        ("operation", "input"),
    ),
    "lint": AuthoringTool("Find mistakes; fix: apply certain fixes.", _lint, {"fix": _FLAG}, writing=("fix",)),
    "test": AuthoringTool(
        "Replay recordings. raw: vendor operations; update: write goldens.",
        _test,
        {"operations": _TEXTS, "raw": _FLAG, "update": _FLAG, **_WHERE},
        writing=("update",),
    ),
    "why": AuthoringTool(
        "What sets the value at path; with record (ID): why the field has its value.",
        _explain_value,
        {"operation": _TEXT, "path": _TEXT, "record": _TEXT, **_WHERE},
        ("operation",),
    ),
    "diff_override": AuthoringTool(
        "What overrides change in recordings.", _compare, {"account": _TEXT, "operation": _TEXT}
    ),
    "override": AuthoringTool(
        "Preview an override of a field (no expression: remove it); write: save it.",
        _override,
        {"account": _TEXT, "resource": _TEXT, "field": _TEXT, "expression": _TEXT, "write": _FLAG},
        ("account", "resource", "field"),
        writing=("write",),
    ),
    "new": AuthoringTool(
        "Add a connector: bundled, a skeleton, or from a document (OpenAPI text). model (crm): propose mappings.",
        _create,
        {"name": _TEXT, "document": _TEXT, "only": _TEXT, "model": _TEXT},
        ("name",),
        writes=True,
    ),
    "record": AuthoringTool(
        "Record a sample response; pages: the next bodies.",
        _record,
        {
            "operation": _TEXT,
            "connector": _TEXT,
            "body": _TEXT,
            "pages": _TEXTS,
            "params": _VALUES,
            "headers": _TEXTS,
            "status": {"type": "integer"},
            "scenario": _TEXT,
            "force": _FLAG,
        },
        ("operation", "connector", "body"),
        writes=True,
    ),
    "explain": AuthoringTool("Explain a code, setting or function.", _explain_word, {"word": _TEXT}, ("word",)),
    "read_file": AuthoringTool(
        "Read a file from a line, or list a folder (.).",
        _read_file,
        {"path": _TEXT, "line": {"type": "integer"}},
        ("path",),
    ),
    "write_file": AuthoringTool(
        "Write a YAML, JSON or Markdown file, and lint it.",
        _write_file,
        {"path": _TEXT, "text": _TEXT},
        ("path", "text"),
        writes=True,
    ),
}
"""The tools by name."""
