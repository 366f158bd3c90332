"""What the sources of the project name, found in their syntax."""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[1]
SOURCES = sorted(
    path
    for package in ("engine/conn_engine", "engine/conn_import", "engine/conn_service", "cli/conn_cli")
    for path in ROOT.glob(f"{package}/**/*.py")
)


def imports_of(tree: ast.Module) -> dict[str, str]:
    """Local names of what is imported, with what they stand for: {"dt": "datetime.datetime"}."""
    names = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.asname or alias.name.split(".")[0]: alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    return names


def dotted_names(tree: ast.Module) -> list[tuple[str, int]]:
    """Every name that is used, as it is called where it is defined, with its line: ("time.time", 3)."""
    names = imports_of(tree)
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Name | ast.Attribute):
            first, _, rest = ast.unparse(node).partition(".")
            found.append((names.get(first, first) + (f".{rest}" if rest else ""), node.lineno))
    return found


def shown(path: Path) -> str:
    return "/".join(path.relative_to(ROOT).parts[1:])
