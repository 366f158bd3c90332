"""Lint of 1,000 connectors generated from the bundled ones, against only reading the same files (libyaml, json)."""

import sys
import tempfile
from pathlib import Path

from benchmarks.measure import CONN, Row, Spread, alternate, cpu_of, ratios
from benchmarks.workspaces import catalogue

__all__ = ["run"]

GOAL_MS = 20.0
READ = """
import json, pathlib, yaml
for path in pathlib.Path("connectors").glob("**/*.yaml"):
    yaml.load(path.read_text("utf-8"), yaml.CSafeLoader)
for path in pathlib.Path("connectors").glob("*/recordings/**/*.json"):
    json.loads(path.read_text("utf-8"))
"""


def run(*, quick: bool) -> list[Row]:
    """Rows of this benchmark."""
    count = 100 if quick else 1000
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        catalogue(folder, count)
        values = alternate(
            {
                "lint": lambda: cpu_of([*CONN, "lint"], folder),
                "read": lambda: cpu_of([sys.executable, "-c", READ], folder),
            },
            3,
        )
    each = [seconds * 1000 / count for seconds in values["lint"]]
    spread = Spread.of(each)
    reading = Spread.of(values["read"]).median * 1000 / count
    against_goal = Spread.of([milliseconds / GOAL_MS for milliseconds in each])
    return [
        Row(
            "lint", f"conn lint, {count} connectors", f"{GOAL_MS:g} ms of CPU each", against_goal, 1.0,
            f"{spread.median:.1f} ms CPU each",
        ),
        Row(
            "lint", f"conn lint, {count} connectors", "libyaml and json reading the files",
            ratios(values["lint"], values["read"]), None, f"{spread.median:.1f} ms / {reading:.1f} ms CPU each",
        ),
    ]  # fmt: skip
