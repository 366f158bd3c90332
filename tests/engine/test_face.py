"""The public face: complete, typed, and free of cost until used."""

import ast
import sys
from pathlib import Path

import launching

import conn_engine

ENGINE = Path(__file__).parents[2] / "engine" / "conn_engine"


def test_every_public_name_can_be_imported():
    for name in conn_engine.__all__:
        assert getattr(conn_engine, name) is not None
    assert sorted(conn_engine._HOME) == sorted(conn_engine.__all__)


def test_the_lazy_names_are_those_the_type_checker_sees():
    tree = ast.parse((ENGINE / "__init__.py").read_text(encoding="utf-8"))
    block = next(node for node in tree.body if isinstance(node, ast.If))
    seen = {(node.module, alias.name) for node in block.body for alias in node.names}
    assert seen == {(module, name) for name, module in conn_engine._HOME.items()}


def test_importing_the_face_loads_nothing_heavy():
    code = (
        "import sys, conn_engine; "
        "heavy = {'httpx', 'yaml', 'jlens', 'jsonata', 'keyring', 'jsonschema_rs', 'msgspec', 'sqlalchemy'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    result = launching.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert result.stdout.strip() == "[]"


def test_only_one_module_imports_each_outside_door():
    owners = {
        "yaml": "documents",
        "httpx": "transport",
        "jlens": "expressions",
        "jsonata": "expressions",
        "keyring": "vault",
        "sqlalchemy": "releases",
        "psycopg": "releases",
    }
    for path in ENGINE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
                names = [node.module]
            for name in names:
                owner = owners.get(name.split(".")[0])
                assert owner is None or owner in path.relative_to(ENGINE).parts, f"{path} imports {name}"
