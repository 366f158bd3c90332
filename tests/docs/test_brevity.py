"""The page that compares kits shows the documents that the benchmark runs, and the sizes that it counts."""

import re
from pathlib import Path

import pytest
from benchmarks.brevity import count
from benchmarks.brevity.apis import APIS, DOCUMENTS, KITS
from benchmarks.brevity.counting import Size, measure
from benchmarks.table import as_markdown, count_table
from examples import CONNECTOR, DOCS, Example, build, findings

PAGE = (DOCS / "explanation/brevity.md").read_text("utf-8")


def test_the_table_is_what_is_counted() -> None:
    match = re.search(r"<!-- counts -->\n(.*?)\n<!-- / -->", PAGE, re.S)
    assert match and match[1] == as_markdown(count_table(count())), (
        "paste: python -m benchmarks brevity --markdown FILE"
    )


def test_the_page_shows_complete_documents_of_every_kit() -> None:
    blocks = re.findall(r"^```(?!http)\w+\n(.*?)^```$", PAGE, re.S | re.M)
    assert blocks == [path.read_text("utf-8") for kit in KITS for path in kit.find_files(APIS[0])]


def test_conn_is_the_shortest_for_every_api() -> None:
    for api in APIS:
        conn, *others = (measure(kit.find_files(api)) for kit in KITS)
        flattest = min(size.depth for size in others) + (api.folder in ("post_search", "children"))
        assert conn.lines < min(size.lines for size in others), api.folder
        assert conn.characters < min(size.characters for size in others), api.folder
        assert conn.depth <= flattest, api.folder


@pytest.mark.parametrize("folder", [api.folder for api in APIS])
def test_lint_finds_nothing_in_the_connectors(folder: str, tmp_path: Path) -> None:
    build(
        Example("explanation/brevity.md", 1, {CONNECTOR: (DOCUMENTS / folder / "connector.yaml").read_text("utf-8")}),
        tmp_path,
    )
    assert findings(tmp_path) == []


@pytest.mark.parametrize(
    ("name", "text", "size"),
    [
        ("a.yaml", "# note\na: { b: [1] }\n\nc: 2\n", Size(2, 2, 12)),
        ("a.py", "# note\nif a:\n    f([1])\n", Size(2, 3, 10)),
        ("a.ts", "// note\nf({ a: '[({' }); // [[[[\n", Size(1, 2, 19)),
    ],
)
def test_lines_and_nesting_are_counted(name: str, text: str, size: Size, tmp_path: Path) -> None:
    (tmp_path / name).write_text(text)
    assert measure([tmp_path / name]) == size
