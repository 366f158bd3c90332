"""A few low-code manifests of our own, and a part of the public sample where it is at hand, under both readers.

`make differential` reads the whole sample and writes `table.md`.
"""

import re
from pathlib import Path

import pytest

from differential.explain import REASONS
from differential.manifests import own, sample
from differential.sample import Outcome, run
from differential.table import table

pytestmark = (
    pytest.mark.nightly
)  # `table.md` has yet to be written for both folders of the sample and for refused requests
EVERY = 8
CHOSEN = [*own(), *sample()[::EVERY]]
STREAMS = 2_000
WHOLE = 0.95
TABLE = Path(__file__).with_name("table.md")


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Outcome]]:
    """What became of every stream of the chosen manifests."""
    found: dict[str, list[Outcome]] = {path.stem: [] for path in CHOSEN}
    for one in run([(path, "") for path in CHOSEN], tmp_path_factory.mktemp("differential")):
        found[one.manifest].append(one)
    return found


@pytest.mark.parametrize("manifest", [path.stem for path in CHOSEN])
def test_requests_and_records_agree_or_a_reason_says_why_not(
    manifest: str, results: dict[str, list[Outcome]], capsys: pytest.CaptureFixture[str]
) -> None:
    rows = results[manifest]
    assert rows
    with capsys.disabled():
        counts = {status: sum(one.status == status for one in rows) for status in sorted({one.status for one in rows})}
        print(f"\n{manifest}: {', '.join(f'{count} {status}' for status, count in counts.items())}", end="")
    apart = [one for one in rows if one.status in ("differs", "unread")]
    assert not apart, "\n".join(f"{one.stream} ({one.phase}): {one.detail}" for one in apart)


def test_our_own_manifests_prove_something(results: dict[str, list[Outcome]]) -> None:
    rows = [one for path in own() for one in results[path.stem] if one.stream]
    assert len({(one.manifest, one.stream) for one in rows}) >= 14
    assert all(one.requests and one.records for one in rows)
    assert sum(one.phase == "again" for one in rows) >= 2
    assert sum(one.status == "agrees" for one in rows) >= 6


def section(text: str, title: str) -> list[list[str]]:
    """The rows of a section of a table."""
    found = text.partition(f"## {title}\n")[2].partition("\n## ")[0]
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in found.splitlines() if line.startswith("| ")][
        1:
    ]


def test_the_table_names_only_reasons_there_are() -> None:
    text = TABLE.read_text(encoding="utf-8")
    names = {row[0] for row in section(text, "Reasons")}
    assert names
    assert names <= set(REASONS)
    assert "**differs**" not in text
    assert "**unread**" not in text


def test_the_table_tells_of_enough_streams_imported_whole() -> None:
    found = re.search(r"Of the other (\d+), (\d+) \(", TABLE.read_text(encoding="utf-8"))
    assert found is not None
    assert int(found[1]) > STREAMS
    assert int(found[2]) / int(found[1]) >= WHOLE


@pytest.mark.parametrize("manifest", [path.stem for path in CHOSEN])
@pytest.mark.parametrize("title", ["Streams that differ", "Streams that need Python code", "Streams imported in part"])
def test_the_table_says_what_is_so_now(title: str, manifest: str, results: dict[str, list[Outcome]]) -> None:
    kept = [row for row in section(TABLE.read_text(encoding="utf-8"), title) if row[0] == manifest]
    assert kept == section(table(results[manifest]), title)
