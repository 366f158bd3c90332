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
PAGES = ("run-syncs-on-several-machines.md", "deploy-the-service.md")
UNITS = ("conn-sync@.service", "conn-serve@.service")
PROGRAMS = {"/opt/conn/bin/pip", "export", "journalctl", "pg_dump", "pg_restore", "pip", "python3", "sleep", "sqlite3"}
SOURCES = [path.read_text("utf-8") for part in ("engine", "cli") for path in (ROOT / part).rglob("*.py")]


def read_compose() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((FOLDER / "compose.yaml").read_text("utf-8"))
    return document


def read_unit(name: str) -> configparser.ConfigParser:
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read(FOLDER / name, "utf-8")
    return unit


def read_commands() -> list[list[str]]:
    """Return the arguments of each command that starts a process of Conn."""
    lines = [shlex.split(read_unit(name)["Service"]["ExecStart"].replace("%i", "8081")) for name in UNITS]
    assert all(program.endswith("/conn") for program, *_ in lines)
    services = read_compose()["services"]
    return [*(services[name]["command"] for name in ("worker", "service")), *(words for _, *words in lines)]


@pytest.mark.parametrize("words", read_commands())
def test_the_command_exists(words: list[str], tmp_path: Path) -> None:
    words = [str(tmp_path) if word.startswith("/") else word for word in words]
    out = io.StringIO()
    app = App(folder=tmp_path, environ={}, stdin=io.StringIO(), stdout=out, stderr=out)
    assert execute([*words, "--help"], app) == 0, out.getvalue()


@pytest.mark.parametrize(("service", "unit", "store"), [("worker", UNITS[0], "SYNC"), ("service", UNITS[1], "SERVICE")])
def test_the_variables_are_read_by_the_program(service: str, unit: str, store: str) -> None:
    variables = read_compose()["services"][service]["environment"]
    names = {*variables, *re.findall(r"CONN_\w+", (FOLDER / unit).read_text("utf-8"))}
    assert {f"CONN_{store}_STORE", "CONN_VAULT_KEY"} <= names
    for name in names - {"PGPASSWORD"}:
        assert any(f'"{name}"' in text for text in SOURCES), name


@pytest.mark.parametrize(("service", "unit"), [("worker", UNITS[0]), ("service", UNITS[1])])
def test_processes_are_started_again_and_wait_for_the_store(service: str, unit: str) -> None:
    services = read_compose()["services"]
    assert (services[service]["restart"], read_unit(unit)["Service"]["Restart"]) == ("always", "always")
    assert services[service]["depends_on"]["store"]["condition"] == "service_healthy"
    assert "healthcheck" in services["store"]


def test_no_secret_is_in_the_files() -> None:
    for path in FOLDER.iterdir():
        for name, value in re.findall(r"^\s*(\w*(?:PASSWORD|KEY))[:=] ?(.*)$", path.read_text("utf-8"), re.MULTILINE):
            assert value.startswith("${"), f"{path.name}: {name}"


def test_the_pages_name_every_file() -> None:
    texts = [(ROOT / "docs" / "how-to" / page).read_text("utf-8") for page in PAGES]
    for path in FOLDER.iterdir():
        assert any(f"deploy/{path.name}" in text for text in texts), path.name


@pytest.mark.parametrize(("page", "unit"), [(PAGES[0], UNITS[0]), (PAGES[1], UNITS[1])])
def test_the_page_names_what_there_is(page: str, unit: str, tmp_path: Path) -> None:
    text = (ROOT / "docs" / "how-to" / page).read_text("utf-8")
    blocks = re.findall(r"```bash\n(.*?)```", text, re.DOTALL)
    lines = [shlex.split(part) for block in blocks for line in block.splitlines() for part in line.split(" && ")]
    out = io.StringIO()
    for program, *words in lines:
        if program == "conn":
            app = App(folder=tmp_path, environ={}, stdin=io.StringIO(), stdout=out, stderr=out)
            assert execute([*words, "--help"], app) == 0, out.getvalue()
        elif program == "docker":
            assert words[:3] == ["compose", "--project-directory", FOLDER.name]
            pairs = list(itertools.pairwise(words))
            scaled = [word.partition("=")[0] for option, word in pairs if option == "--scale"]
            profiles = {word for option, word in pairs if option == "--profile"}
            assert set(scaled) <= {"worker"}
            assert profiles <= {
                name for each in read_compose()["services"].values() for name in each.get("profiles", ())
            }
        elif program == "systemctl":
            assert {f"{word.partition('@')[0]}@.service" for word in words if "@" in word} == {unit}
        else:
            assert program in PROGRAMS
    assert len(lines) > 6
