"""The pages of `docs/` are what the models say, and leave nothing out."""

import re
import shutil
from pathlib import Path
from typing import Any, get_args

import pytest

from conn_engine.bodies import BodyFormat, ResponseFormat
from conn_engine.diagnostics.codes import CODES
from conn_engine.documents import find_markdown_blocks, parse
from conn_engine.responses.failures.rules import Action
from conn_engine.schemas.docs import fill_page, find_parts, run
from conn_engine.schemas.kinds import find_kinds

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGES = {path.relative_to(DOCS).as_posix(): path.read_text(encoding="utf-8") for path in sorted(DOCS.rglob("*.md"))}
LINK = re.compile(r"\]\((?!https?:)([^)#]*)(?:#([^)]+))?\)")


def _examples() -> list[Any]:
    """The data of every YAML and JSON block."""
    blocks = [
        block for text in PAGES.values() for block in find_markdown_blocks(text) if block.language in ("yaml", "json")
    ]
    return [parse(block.text, "page", language=block.language).data for block in blocks]  # type: ignore[arg-type]


def _pairs(data: Any, key: str = "") -> list[tuple[str, Any]]:
    """Every key with its value, at any depth; items of a list have the list's key."""
    if isinstance(data, list):
        return [pair for item in data for pair in [(key, item), *_pairs(item, key)]]
    if not isinstance(data, dict):
        return []
    return [pair for name, value in data.items() for pair in [(str(name), value), *_pairs(value, str(name))]]


PAIRS = [pair for data in _examples() for pair in _pairs(data)]


def test_the_committed_pages_are_generated(capsys: pytest.CaptureFixture[str]) -> None:
    code = run(["--check"], DOCS)
    assert (code, capsys.readouterr().out) == (0, ""), "run `make docs`"


def test_drift_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "pagination.md"
    shutil.copy(DOCS / "reference/pagination.md", page)
    page.write_text(page.read_text(encoding="utf-8").replace("| `stop` |", "| `halt` |"), encoding="utf-8")
    assert run(["--check"], tmp_path) == 1
    assert capsys.readouterr().out == "differs: pagination.md\n"
    assert run(["--write"], tmp_path) == 0
    assert run(["--check"], tmp_path) == 0
    assert run(["--force"], tmp_path) == 2
    with pytest.raises(KeyError):
        fill_page("<!-- keys pagination.pager -->\n<!-- / -->\n")


def test_keys_that_an_earlier_table_shows_are_one_row() -> None:
    page = fill_page("<!-- keys operation -->\n<!-- / -->\n<!-- keys resource -->\n<!-- / -->\n")
    first, second = page.split("<!-- keys resource -->")
    [row] = [line for line in second.splitlines() if line.endswith("| As in `operation`. |")]
    keys = re.findall(r"`(\w+)`", row.partition(" |  |")[0])
    assert {"base_url", "headers", "errors"} <= set(keys)
    assert [key for key in keys if f"\n| `{key}` |" not in first or f"\n| `{key}` |" in second] == []
    assert "\n| `<name>` |" in second
    assert "\n| `description` |" in second, "its meaning is another one"
    assert fill_page(page) == page


def test_every_kind_is_on_one_page() -> None:
    places = [name for text in PAGES.values() for what, name in find_parts(text) if what == "keys"]
    assert sorted(places) == sorted(name for name, kind in find_kinds().items() if kind.keys or not kind.formats)
    unions = [name for text in PAGES.values() for what, name in find_parts(text) if what == "formats"]
    assert sorted(unions) == sorted(name for name, kind in find_kinds().items() if kind.formats)


def test_every_key_says_what_it_means() -> None:
    assert [f"{kind.name}.{key.name}" for kind in find_kinds().values() for key in kind.keys if not key.meaning] == []


def test_every_code_is_on_the_page() -> None:
    assert all(f"### {code}\n" in PAGES["reference/lint-codes.md"] for code in CODES)


@pytest.mark.parametrize("union", [name for name, kind in find_kinds().items() if kind.formats])
def test_every_format_has_an_example(union: str) -> None:
    shown = {
        value["format"] for key, value in PAIRS if isinstance(value, dict) and isinstance(value.get("format"), str)
    }
    assert {name.rpartition(".")[2] for name in find_kinds()[union].formats} <= shown


def test_every_other_kind_has_an_example() -> None:
    shown = {key for key, _ in PAIRS}
    held = {name.rpartition(".")[2] for name, kind in find_kinds().items() if not kind.formats and not kind.format}
    files = {
        "connector",
        "resource",
        "operation",
        "unified",
        "event",
        "environment",
        "account",
        "workspace",
        "recording",
    }
    files |= {"delivery", "change", "contract"}
    assert held - files - shown == set()


def test_every_key_has_an_example() -> None:
    shown = {key for key, _ in PAIRS} | {"<name>"}
    assert [
        f"{name}.{key.name}" for name, kind in find_kinds().items() for key in kind.keys if key.name not in shown
    ] == []


def test_examples_use_the_keys_own_names() -> None:
    keys = [key for kind in find_kinds().values() for key in kind.keys]
    aliases = {alias for key in keys for alias in key.aliases} - {key.name for key in keys}
    assert aliases & {key for key, _ in PAIRS} == set()


def test_every_body_answer_and_action_has_an_example() -> None:
    shown = {value for key, value in PAIRS if key == "body_format" and isinstance(value, str)}
    assert shown >= set(get_args(BodyFormat)) - {"json"}
    shown = {value for key, value in PAIRS if key == "response_format"}
    assert shown >= set(get_args(ResponseFormat)) - {"json"}
    then = [value for key, value in PAIRS if key == "then"]
    assert {name for value in then for name in ([value] if isinstance(value, str) else value)} >= set(get_args(Action))


def test_links_lead_somewhere() -> None:
    for name, text in PAGES.items():
        if name == "reference/functions.md":
            continue
        for file, anchor in LINK.findall(text):
            target = ((DOCS / name).parent / file).resolve() if file else DOCS / name
            assert target.exists(), f"{name}: {file}"
            if anchor:
                headings = re.findall(r"^#+ (.+)$", target.read_text(encoding="utf-8"), re.M)
                slugs = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
                assert anchor in slugs, f"{name}: {file}#{anchor}"
