"""Every need of public connectors names keys, examples and tests that exist."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest
from examples import REFERENCE

from conn_engine.schemas.vocabulary import Need, build_tables, is_known, read_vocabulary

TESTS = Path(__file__).resolve().parents[1]
TOLD = read_vocabulary(REFERENCE)
EVERY = [*TOLD.rows, *TOLD.odd, *TOLD.beyond]
NOT_SAID = {
    "authorization of MCP servers",
    "a pool of tokens with a quota each",
}
"""What the language does not say (yet, or on purpose). It shrinks; what joins it has to be argued for here."""


@cache
def played(page: Path) -> set[str]:
    """The headings of a page, as anchors, that have an example which is run."""
    bare = re.sub(r"^```(\S+)\n.*?^```$", r"<\1>", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    parts = re.split(r"^#+ (.+)$", bare, flags=re.M)
    anchors = (re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in parts[1::2])
    return {anchor for anchor, text in zip(anchors, parts[2::2], strict=True) if "<http>" in text}


@cache
def in_file(file: Path) -> set[str]:
    """The tests of a file: `test_x`, `TestY::test_x`."""
    made: set[str] = set()
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            made.add(node.name)
        elif isinstance(node, ast.ClassDef):
            made |= {f"{node.name}::{one.name}" for one in node.body if isinstance(one, ast.FunctionDef)}
    return {name for name in made if name.rpartition("::")[2].startswith("test_")}


def exists(shown: str) -> bool:
    """Whether there is such an example or test."""
    page, _, anchor = shown.partition("#")
    if page.endswith(".md"):
        return (REFERENCE / page).is_file() and anchor in played(REFERENCE / page)
    file, _, test = shown.partition("::")
    return (TESTS / file).is_file() and test in in_file(TESTS / file)


def test_every_capability_is_there_once_and_every_group_of_odd_cases() -> None:
    assert [row.number for row in TOLD.rows] == list(range(1, 44))
    assert sorted({case.number for case in TOLD.odd if case.number}) == list(range(1, 23))
    assert len({need.need for need in EVERY}) == len(EVERY)


@pytest.mark.parametrize("need", EVERY, ids=lambda need: need.need)
def test_a_need_is_said_and_shown(need: Need) -> None:
    assert [word for word in need.says if not is_known(word)] == []
    assert [place for place in need.shown if not exists(place)] == []
    assert need.missing or (need.says and need.shown)
    assert not need.missing or need.need in NOT_SAID


def test_each_is_verified_without_a_server_of_others() -> None:
    """`tests/servers` is not run with the others: what is shown there alone could break unseen."""
    assert [need.need for need in EVERY if need.shown and all(one.startswith("servers/") for one in need.shown)] == []


def test_what_is_not_there_is_told() -> None:
    for word in (
        "pagination.pager",
        "pagination.page.sizes",
        "operation.body_format=yaml",
        "$noSuch",
        "Pagination",
        "",
    ):
        assert not is_known(word)
    for place in (
        "pagination.md#none-such",
        "none.md#x",
        "engine/none.py::test_x",
        "docs/test_vocabulary.py::test_none",
    ):
        assert not exists(place)
    assert (
        is_known("pagination.page.stop")
        and is_known("pagination.stop")
        and is_known("errors.then=skip")
        and is_known("$uuid")
    )
    assert exists("docs/test_vocabulary.py::test_what_is_not_there_is_told")


def test_the_tables_have_every_need() -> None:
    made = "".join(build_tables(REFERENCE).values())
    assert [need.need for need in EVERY if need.need.replace("|", "\\|") not in made] == []
