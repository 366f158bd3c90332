"""A few low-code manifests of our own, and a part of the public sample, under both readers.

`make differential` reads the complete sample and writes `table.md`; `make nightly` reads it too, with the same demands.
"""

import re
from pathlib import Path

import pytest

from differential.demands import LEAST_EXPLAINED, LEAST_WHOLE, find_shortfalls
from differential.explain import REASONS
from differential.manifests import own, sample
from differential.sample import Outcome, refusal_of, run
from differential.table import table

EVERY = 24
CHOSEN = [*own(), *sample()[::EVERY]]
STREAMS = 2_000
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
    assert all(one.requests for one in rows)
    assert all(one.records for one in rows if one.phase != "refused" or refusal_of(one.manifest, one.stream).times)
    assert sum(one.phase == "again" for one in rows) >= 2
    refused = {(one.manifest, one.stream) for one in rows if one.phase == "refused"}
    assert refused == {(one.manifest, one.stream) for one in rows}
    assert {bool(refusal_of(*one).times) for one in refused} == {True, False}
    assert sum(one.status == "agrees" for one in rows) >= 6


def section(text: str, title: str) -> list[list[str]]:
    """The rows of a section of a table."""
    found = text.partition(f"## {title}\n")[2].partition("\n## ")[0]
    return cells(found)[1:]


def cells(text: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if line.startswith("| ")]


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
    assert int(found[2]) / int(found[1]) >= LEAST_WHOLE


def test_the_table_tells_of_enough_readings_that_agree() -> None:
    head = TABLE.read_text(encoding="utf-8").partition("\n\n| phase")[2].partition("\n\n")[0]
    rows = {row[0]: [int(cell) for cell in row[1:]] for row in cells(head)}
    assert rows.keys() == {"first", "again", "refused"}
    assert all(row[3] == row[5] == 0 for row in rows.values()), "differ or not compared"
    compared, agree, explained, _, stopped, _ = rows["first"]
    assert compared > STREAMS
    assert (agree + explained) / (compared + stopped) >= LEAST_EXPLAINED


@pytest.mark.parametrize("manifest", [path.stem for path in CHOSEN])
@pytest.mark.parametrize(
    "title",
    ["Streams that differ", "Streams that both stop at", "Streams that need Python code", "Streams imported in part"],
)
def test_the_table_says_what_is_so_now(title: str, manifest: str, results: dict[str, list[Outcome]]) -> None:
    kept = [row for row in section(TABLE.read_text(encoding="utf-8"), title) if row[0] == manifest]
    assert kept == section(table(results[manifest]), title)


def test_the_part_that_is_read_meets_the_demands(results: dict[str, list[Outcome]]) -> None:
    assert sample(), "set CONN_VENDOR_MANIFESTS to the folders with the sample"
    assert list(find_shortfalls([one for rows in results.values() for one in rows])) == []


@pytest.mark.nightly
def test_the_complete_sample_meets_the_demands_and_is_as_the_table_says(tmp_path: Path) -> None:
    found = run([(path, "") for path in (*own(), *sample())], tmp_path)
    assert list(find_shortfalls(found)) == []
    assert table(found) == TABLE.read_text(encoding="utf-8")
