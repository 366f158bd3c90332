"""Generate `tree.json`, the command tree for completion: `python tests/cli/completion_tree.py --write` (or --check)."""

import sys
from pathlib import Path
from typing import Any

from conn_cli.completion.names import SOURCES

__all__ = ["build_tree"]

_FILE = Path(__file__).parents[2] / "cli/conn_cli/completion/tree.json"
_NAMES = {
    "--account": "accounts",
    "--connector": "connectors",
    "--environment": "environments",
    "--operation": "operations",
    "--scenario": "scenarios",
    "ACCOUNT": "accounts",
    "CONNECTOR": "connectors",
    "OPERATION": "operations",
    "RESOURCE": "resources",
    "RESOURCE[.OPERATION]": "resources",
}
"""What completes an option or, by its placeholder, an argument: a source in `SOURCES`."""


def build_tree() -> dict[str, Any]:
    """Return the tree: for each command its help, options, arguments and commands."""
    from typer._click import Context
    from typer.main import get_command

    from conn_cli.main import application

    return _describe(get_command(application), Context)


def _describe(command: Any, context_class: Any) -> dict[str, Any]:
    context = context_class(command)
    described: dict[str, Any] = {"help": command.get_short_help_str(80), "options": {}, "short": {}}
    arguments = []
    for parameter in command.get_params(context):
        if parameter.param_type_name == "argument":
            arguments.append({"repeats": parameter.nargs == -1, **_list_completions(parameter, parameter.metavar)})
        elif not parameter.hidden:
            _add_option(described, parameter, context)
    if hasattr(command, "list_commands"):
        inner = {name: command.get_command(context, name) for name in command.list_commands(context)}
        described["commands"] = {name: _describe(one, context_class) for name, one in inner.items() if not one.hidden}
    else:
        described["arguments"] = arguments
    return described


def _add_option(described: dict[str, Any], parameter: Any, context: Any) -> None:
    long = [name for name in (*parameter.opts, *parameter.secondary_opts) if name.startswith("--")]
    record = parameter.get_help_record(context)
    option: dict[str, Any] = {"help": _first_sentence(record[1] if record else "")}
    if not parameter.is_flag:
        option["value"] = _list_completions(parameter, long[0])
    described["options"] |= dict.fromkeys(long, option)
    described["short"] |= {name: long[0] for name in parameter.opts if name not in long}


def _first_sentence(text: str) -> str:
    return text.partition(". ")[0].partition("  [")[0].removesuffix(".")


def _list_completions(parameter: Any, name: str | None) -> dict[str, Any]:
    if name == "WORD":
        return {"values": _list_functions(), "names": "codes"}
    if parameter.callback is not None and name == "--format":
        return {"values": list(parameter.callback.formats)}
    source = _NAMES.get(name or "")
    return {"names": source} if source in SOURCES else {}


def _list_functions() -> list[str]:
    from conn_engine.expressions import known_functions

    return sorted(f"${name.removeprefix('$')}" for name in known_functions())


def main(arguments: list[str]) -> int:
    """Write the file, or compare it."""
    from conn_engine.documents import dump_json

    text = dump_json(build_tree())
    if "--write" in arguments:
        _FILE.write_text(text, encoding="utf-8")
    elif not _FILE.exists() or _FILE.read_text(encoding="utf-8") != text:
        print("cli/conn_cli/completion/tree.json differs from the commands: run `make docs`", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
