"""The names that a newcomer needs: about forty, and each is one that `conn explain` knows."""

import re
from pathlib import Path

import pytest

from conn_cli.console import App
from conn_cli.main import execute

PAGE = (Path(__file__).resolve().parents[2] / "docs/tutorials/first-connector.md").read_text(encoding="utf-8")
SECTION = PAGE.partition("## 7. The names that most connectors need")[2].partition("\n## ")[0]
NAMES = re.findall(r"`([a-z_]+)`", SECTION)
ADVANCED = {"range", "nested", "restart", "dynamic", "introspect", "chunk", "recurse"}


def test_they_are_about_forty_and_none_is_advanced():
    assert 35 <= len(set(NAMES)) <= 45
    assert not ADVANCED & set(NAMES)


@pytest.mark.parametrize("name", sorted(set(NAMES)))
def test_each_is_explained(name, tmp_path, capsys):
    assert execute(["explain", name], App(folder=tmp_path)) == 0
