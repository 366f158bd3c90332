"""`conn impact` on a generated workspace: a curve over the number of accounts, and against running everything."""

import shutil
import sys
import tempfile
from pathlib import Path

from benchmarks.customers import RECORDS, RESOURCES, change, customers
from benchmarks.measure import CONN, Row, Spread, alternate, cpu_of, ratios, seconds_of
from benchmarks.workspaces import individual

__all__ = ["run"]

GOAL_SECONDS = 30.0
INDIVIDUAL, INDIVIDUAL_GOALS = 2000, {"impact": 60.0, "ci": 120.0}
FEW = 20
BRUTE_FORCE = """
import sys
from pathlib import Path
from conn_engine.config import load_workspace
from conn_engine.testing.cases import find_cases, replay
from conn_engine.testing.compare import compare_records
sides = [load_workspace(Path(name)) for name in sys.argv[1:]]
changed = 0
for account in sides[1].accounts():
    effectives = [side.effective(account=account) for side in sides]
    for case in find_cases(sides[1], effectives[1], effectives[1].operations()):
        old, new = (replay(effective, case.name, case.recording) for effective in effectives)
        changed += not compare_records(old.records, new.records).equal
assert changed
"""


def run(*, quick: bool) -> list[Row]:
    """Rows of this benchmark."""
    counts = (FEW, 200, 2000) if quick else (FEW, 200, 2000, 20000)
    with tempfile.TemporaryDirectory() as place:
        sides = {count: _sides(Path(place) / str(count), count) for count in counts}
        measured = {f"{count}": _impact(*sides[count]) for count in counts}
        measured["brute force"] = lambda: seconds_of(
            [sys.executable, "-c", BRUTE_FORCE, *map(str, sides[FEW])], Path(place)
        )
        values = alternate(measured, 1 if quick else 3)
        rows = _individual(Path(place) / "individual")
    few = values[str(FEW)]
    work = f"{len(RESOURCES)} operations, {RECORDS} records each"
    for count in counts[1:]:
        spread = Spread.of(values[str(count)])
        rows.append(
            Row("impact", f"conn impact, {count:,} accounts", f"{FEW} accounts", ratios(values[str(count)], few), None,
                f"{spread.median:.1f} s / {Spread.of(few).median:.1f} s; {work}")
        )  # fmt: skip
    goal = Spread.of([seconds / GOAL_SECONDS for seconds in values["2000"]])
    rows.append(
        Row("impact", "conn impact, 2,000 accounts", f"{GOAL_SECONDS:g} s", goal, 1.0,
            f"{Spread.of(values['2000']).median:.1f} s; {work}")
    )  # fmt: skip
    brute = Spread.of(values["brute force"]).median
    rows.append(
        Row("impact", f"conn impact, {FEW} accounts", "replaying and comparing everything",
            ratios(few, values["brute force"]), 1.0, f"{Spread.of(few).median:.1f} s / {brute:.1f} s")
    )  # fmt: skip
    return rows


def _individual(folder: Path) -> list[Row]:
    """The processor time for accounts whose overrides are all different."""
    before, after = individual(folder, INDIVIDUAL)
    rows = []
    for name, goal in INDIVIDUAL_GOALS.items():
        seconds = cpu_of([*CONN, "-C", str(after), name, "--base-dir", str(before), "--fail-on", "none"], after)
        spread = Spread.of([seconds / goal])
        measured = f"conn {name}, {INDIVIDUAL:,} accounts with {INDIVIDUAL:,} different overrides"
        rows.append(Row("impact", measured, f"{goal:g} s of CPU", spread, 1.0, f"{seconds:.1f} s"))
    return rows


def _sides(folder: Path, count: int) -> tuple[Path, Path]:
    before = customers(folder / "before", count)
    after = folder / "after"
    shutil.copytree(before, after)
    change(after)
    return before, after


def _impact(before: Path, after: Path):
    command = [*CONN, "-C", str(after), "impact", "--base-dir", str(before), "--fail-on", "none"]
    return lambda: seconds_of(command, after)
