"""Nothing prints but through `console.App`, which sanitizes; held over the source of the command and the engine."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MODULES = sorted(
    path
    for folder in ("cli/conn_cli", "engine/conn_engine")
    for path in (ROOT / folder).rglob("*.py")
    if path.name != "__main__.py"  # makes generated files; no command runs it
)
DOORS = {
    "cli/conn_cli/console.py": {"sys.stdout", "sys.stderr", "rich.console", "print"},
    "cli/conn_cli/progress.py": {"rich.console"},  # what it draws is sanitized by `App.progress`
    "engine/conn_engine/schemas/docs.py": {"sys.stdout", "sys.stderr", "write"},  # makes pages; no command runs it
    "cli/conn_cli/completion/shells.py": {"print"},  # names without control characters, before there is an App
    "cli/conn_cli/commands/lsp.py": {"sys.stdout", "sys.stderr"},  # the output is a protocol, and nothing else
    "engine/conn_engine/analysis/submissions/child.py": {"sys.stdout"},  # a process of its own, whose parent reads it
    "cli/conn_cli/main.py": {"sys.stdout"},  # given up when its reader is gone
}
PRINTERS = {"print", "echo", "secho", "pprint", "print_exc", "print_exception", "input"}
STREAMS = {"stdout", "stderr", "__stdout__", "__stderr__"}


def found(tree: ast.AST) -> set[str]:
    """What a module does that prints."""
    seen: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            function = node.func
            name = function.id if isinstance(function, ast.Name) else getattr(function, "attr", "")
            if name in PRINTERS:
                seen.add(name)
            stream = getattr(function, "value", None)
            if name in ("write", "writelines") and getattr(stream, "attr", "") in STREAMS:
                seen.add("write")
            if name == "_write" and isinstance(function, ast.Name):
                seen.update(
                    {"write"} if any(getattr(argument, "attr", "") in STREAMS for argument in node.args) else ()
                )
        elif isinstance(node, ast.Attribute) and node.attr in STREAMS:
            if isinstance(node.value, ast.Name) and node.value.id == "sys":
                seen.add(f"sys.{node.attr}")
        elif isinstance(node, ast.Import | ast.ImportFrom):
            module = getattr(node, "module", None) or ""
            names = {alias.name for alias in node.names}
            seen.update({"rich.console"} if "rich.console" in {module, *names} else ())
            seen.update(f"sys.{name}" for name in names & STREAMS if module == "sys")
    return seen


def test_modules_print_through_the_app_alone():
    prints = {path.relative_to(ROOT).as_posix(): found(ast.parse(path.read_text(encoding="utf-8"))) for path in MODULES}
    assert {name: ways for name, ways in prints.items() if ways} == DOORS


@pytest.mark.parametrize(
    "source",
    [
        "print('x')", "import sys\nsys.stdout.write('x')", "import typer\ntyper.echo('x')", "app.stderr.write('x')",
        "from rich.console import Console", "import rich.console", "_write(app.stdout, 'x')", "from sys import stderr",
        "traceback.print_exc()",
    ],
)  # fmt: skip
def test_each_way_to_print_is_seen(source):
    assert found(ast.parse(source))


def test_json_goes_out_as_json():
    """`app.out` for people would change data: JSON goes by `out_json`, or says so."""
    for path in (ROOT / "cli/conn_cli").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "out" and node.args:
                made = {
                    getattr(inner.func, "attr", "") for inner in ast.walk(node.args[0]) if isinstance(inner, ast.Call)
                }
                told = {keyword.arg for keyword in node.keywords}
                assert not (isinstance(node.args[0], ast.Call) and "dumps" in made) or "form" in told, path
