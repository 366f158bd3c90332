"""The parts of README.md that are made from the code: the table of commands and the table of exit codes.

python tests/readme/generated.py --write     writes them again
"""

import ast
import inspect
import re
import sys
from pathlib import Path

import typer

from conn_cli import exits
from conn_cli.main import application
from conn_cli.overview import COMMANDS

README = Path(__file__).parents[2] / "README.md"


def blocks():
    """Marker name to the text that belongs between `<!-- name -->` and `<!-- /name -->`."""
    return {"commands": _commands(), "exits": _exits()}


def between(text, name):
    """The text between the markers; None without markers."""
    found = re.search(_pattern(name), text)
    return found[2] if found else None


def rewritten(text):
    """The text with every generated part as it should be."""
    for name, made in blocks().items():
        text = re.sub(_pattern(name), lambda found, made=made: found[1] + made + found[3], text)
    return text


def _pattern(name):
    return rf"(?s)(<!-- {name}[^\n]*-->\n)(.*?)(<!-- /{name} -->)"


def _commands():
    rows = ["| | command | what it does | other formats |", "|---|---|---|---|"]
    built = typer.main.get_command(application).commands
    for panel, commands in COMMANDS.items():
        shown = panel
        for name in commands:
            for usage, help_, formats in _usages(name, built[name]):
                rows.append(f"| {shown} | `conn {usage}` | {help_} | {formats} |")
                shown = ""
    return "\n".join(rows) + "\n"


def _usages(name, command):
    inner = getattr(command, "commands", None)
    if inner is not None:
        for own, child in ((own, child) for own, child in inner.items() if not child.hidden):
            yield from _usages(f"{name} {own}", child)
        return
    arguments = [_argument(parameter) for parameter in command.params if parameter.param_type_name == "argument"]
    help_ = " ".join(command.help.split("\n\n")[0].split()).replace("|", "\\|")
    yield " ".join([name, *arguments]), help_, _formats(command)


def _formats(command):
    """The formats of a command, without the two that every command has."""
    option = next((parameter for parameter in command.params if "--format" in parameter.opts), None)
    if option is None:
        return ""  # a server: its output is a protocol
    names = re.findall(r"\w+", re.match(r"Show the result as (.*?)\.", option.help)[1])
    return ", ".join(name for name in names if name not in ("text", "json", "or"))


def _argument(parameter):
    text = parameter.metavar or parameter.name.upper()
    text = text.removesuffix("...").strip("[]").rstrip("….")
    text = f"{text}..." if parameter.nargs == -1 else text
    return text if parameter.required else f"[{text}]"


def _exits():
    """The enum's members with the texts below them, which exist in the source only."""
    tree = ast.parse(inspect.getsource(exits.Exit)).body[0]
    says = {}
    for member, text in zip(tree.body, tree.body[1:], strict=False):
        if isinstance(member, ast.Assign) and isinstance(text, ast.Expr):
            says[member.targets[0].id] = text.value.value
    rows = ["| exit code | |", "|---|---|"]
    rows += [f"| {member.value} | {says[member.name]} |" for member in exits.Exit]
    return "\n".join(rows) + "\n"


if __name__ == "__main__":
    current = README.read_text(encoding="utf-8")
    wanted = rewritten(current)
    if "--write" in sys.argv[1:]:
        README.write_text(wanted, encoding="utf-8")
    sys.exit(0 if wanted == current or "--write" in sys.argv[1:] else 1)
