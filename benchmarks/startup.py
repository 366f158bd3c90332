"""Start-up: `conn --help` and one replayed test, against importing the command-line library alone."""

import sys
import tempfile
from pathlib import Path

from benchmarks.measure import CONN, Row, Spread, alternate, ratios, seconds_of

__all__ = ["run"]

GOAL = 2.5


def run(*, quick: bool) -> list[Row]:
    """Rows of this benchmark."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        seconds_of([*CONN, "init", "--example", "."], folder)
        values = alternate(
            {
                "typer": lambda: seconds_of([sys.executable, "-c", "import typer"], folder),
                "help": lambda: seconds_of([*CONN, "--help"], folder),
                "test": lambda: seconds_of([*CONN, "test", "contacts.list", "--account", "acme"], folder),
            },
            5 if quick else 20,
        )
    base = Spread.of(values["typer"]).median * 1000
    rows = []
    for name, measured, goal in (("help", "conn --help", GOAL), ("test", "conn test contacts.list", None)):
        own = Spread.of(values[name]).median * 1000
        rows.append(
            Row(
                "startup", measured, 'python -c "import typer"', ratios(values[name], values["typer"]), goal,
                f"{own:.0f} ms / {base:.0f} ms",
            )
        )  # fmt: skip
    return rows
