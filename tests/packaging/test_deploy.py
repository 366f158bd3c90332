"""What `deploy/` starts exists: its commands, their options, the variables that they read, and the page about it."""

import configparser
import io
import itertools
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml

from conn_cli.console import App
from conn_cli.main import execute

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "deploy"
PAGE = ROOT / "docs" / "how-to" / "run-syncs-on-several-machines.md"
SOURCES = [path.read_text("utf-8") for part in ("engine", "cli") for path in (ROOT / part).rglob("*.py")]


def read_compose() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((FOLDER / "compose.yaml").read_text("utf-8"))
    return document


def read_unit() -> configparser.ConfigParser:
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read(FOLDER / "conn-sync@.service", "utf-8")
    return unit


def unit_command() -> list[str]:
    program, *arguments = shlex.split(read_unit()["Service"]["ExecStart"])
    assert program.endswith("/conn")
    return arguments


@pytest.mark.parametrize("words", [read_compose()["services"]["worker"]["command"], unit_command()])
def test_the_command_exists(words: list[str], tmp_path: Path) -> None:
    words = [str(tmp_path) if word.startswith("/") else word for word in words]
    out = io.StringIO()
    app = App(folder=tmp_path, environ={}, stdin=io.StringIO(), stdout=out, stderr=out)
    assert execute([*words, "--help"], app) == 0, out.getvalue()


def test_the_variables_are_read_by_the_program() -> None:
    worker = read_compose()["services"]["worker"]["environment"]
    names = {*worker, *re.findall(r"CONN_\w+", (FOLDER / "conn-sync@.service").read_text("utf-8"))}
    assert {"CONN_SYNC_STORE", "CONN_VAULT_KEY"} <= names
    for name in names - {"PGPASSWORD"}:
        assert any(f'"{name}"' in text for text in SOURCES), name


def test_workers_are_started_again_and_wait_for_the_store() -> None:
    services = read_compose()["services"]
    assert (services["worker"]["restart"], read_unit()["Service"]["Restart"]) == ("always", "always")
    assert services["worker"]["depends_on"]["store"]["condition"] == "service_healthy"
    assert "healthcheck" in services["store"]


def test_no_secret_is_in_the_files() -> None:
    for path in FOLDER.iterdir():
        for name, value in re.findall(r"^\s*(\w*(?:PASSWORD|KEY))[:=] ?(.*)$", path.read_text("utf-8"), re.MULTILINE):
            assert value.startswith("${"), f"{path.name}: {name}"


def test_the_page_names_what_there_is(tmp_path: Path) -> None:
    text = PAGE.read_text("utf-8")
    for path in FOLDER.iterdir():
        assert f"deploy/{path.name}" in text
    blocks = re.findall(r"```bash\n(.*?)```", text, re.DOTALL)
    lines = [shlex.split(line) for block in blocks for line in block.splitlines()]
    out = io.StringIO()
    for program, *words in lines:
        if program == "conn":
            app = App(folder=tmp_path, environ={}, stdin=io.StringIO(), stdout=out, stderr=out)
            assert execute([*words, "--help"], app) == 0, out.getvalue()
        elif program == "docker":
            assert words[:3] == ["compose", "--project-directory", FOLDER.name]
            scaled = [word.partition("=")[0] for option, word in itertools.pairwise(words) if option == "--scale"]
            assert set(scaled) <= {"worker"}
        elif program == "systemctl":
            assert {f"{word.partition('@')[0]}@.service" for word in words if "@" in word} == {"conn-sync@.service"}
        else:
            assert program in ("pip", "export", "journalctl")
    assert len(lines) > 6
