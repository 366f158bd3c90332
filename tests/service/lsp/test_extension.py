"""The extension for VS Code against the engine: what must agree without being generated."""

import json
import re
from pathlib import Path

from conn_engine.config.models import Configuration
from conn_engine.config.reads import find_keys
from conn_service.lsp.server import CHOOSE

EXTENSION = Path(__file__).parents[3] / "editors" / "vscode"


def test_the_settings_that_are_colored_are_expressions() -> None:
    grammar = json.loads((EXTENSION / "syntaxes" / "jsonata-in-yaml.json").read_text())["repository"]
    mappings = re.search(r"\(\?:([a-z_|]+)\)_mapping", grammar["mapping"]["begin"])[1].split("|")
    settings = re.search(r"\(\(\?:([a-z_|]+)\)\)", grammar["setting"]["begin"])[1].split("|")
    colored = {f"{name}_mapping" for name in mappings} | set(settings)
    keys = find_keys(Configuration)
    others = frozenset[str]().union(*(found for role, found in keys.items() if role != "expression"))
    assert colored <= keys["expression"] - others
    assert {key for key in keys["expression"] if key.endswith("_mapping")} <= colored


def test_the_lock_file_names_no_registry() -> None:
    lock = (EXTENSION / "package-lock.json").read_text()
    assert '"resolved"' not in lock and "registry" not in lock.replace("npm-registry-utilities", "")
    assert "omit-lockfile-registry-resolved=true" in (EXTENSION / ".npmrc").read_text().splitlines()


def test_the_command_is_the_one_that_the_server_has() -> None:
    assert f'"{CHOOSE}"' in (EXTENSION / "extension.js").read_text()
