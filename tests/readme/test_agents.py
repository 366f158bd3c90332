"""The instructions for agents: short, written by `conn init`, and every command of theirs runs."""

import json
import re
import shlex
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT / "tests" / "cli"))

from transcript import conn  # noqa: E402

SKELETON = (ROOT / "cli/conn_cli/skeleton/workspace/AGENTS.md").read_text(encoding="utf-8")
FILES = {
    "openapi.yaml": """openapi: 3.0.0
info: { title: Parts, version: '1' }
servers: [{ url: 'https://api.parts.example' }]
paths: { /parts: { get: { responses: { '200': { description: all } } } } }
""",
    "record.json": '{"id": 1, "email": "a@example.com"}',
    "answer.json": '{"message": "not found"}',
}


def test_every_command_runs_in_a_new_workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert conn(tmp_path, "init").code == 0
    text = (tmp_path / "AGENTS.md").read_text(encoding="utf-8")
    assert text == SKELETON
    for name, content in FILES.items():
        (tmp_path / name).write_text(content)
    commands = re.findall(r"^\$ conn (.*)$", text, re.MULTILINE)
    assert len(commands) > 10
    for command in commands:
        done = conn(tmp_path, *shlex.split(command))
        assert done.code == 0, (command, done.out, done.err)
        assert json.loads(done.out)["version"] == 1


def test_an_existing_file_is_not_overwritten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "AGENTS.md").write_text("ours\n")
    assert conn(tmp_path, "init").code == 0
    assert conn(tmp_path, "init", "--force").code == 0
    assert (tmp_path / "AGENTS.md").read_text() == "ours\n"


def test_the_instructions_of_the_repository_start_with_those_of_a_workspace() -> None:
    text = (ROOT / "AGENTS.md").read_text(encoding="utf-8")
    assert text.startswith(SKELETON)
    assert len(text.splitlines()) < 120
