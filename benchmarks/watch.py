"""`--watch` in a terminal: from the moment a mapping is saved until its result is on the screen."""

import sys
import tempfile
import time
from pathlib import Path

import pexpect

from benchmarks.measure import CONN, Row, Spread, environment, seconds_of

__all__ = ["run"]

GOAL_MS = 300.0
MAPPING = "connectors/hubspot/unified/crm.yaml"
FIELD = "first_name: response.properties.firstname\n"
WRONG = "first_name: response.properties.frstname\n"
COMMANDS = (
    (("test", "contacts.list", "--watch", "-q"), r"tests? run\)"),
    (("test", "--watch", "-q"), r"tests? run\)"),
    (("lint", "--watch"), r"files? checked\)"),
)


def run(*, quick: bool) -> list[Row]:
    """Rows of this benchmark."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        seconds_of([*CONN, "init", "--example", "."], folder)
        return [_measure(folder, command, end, 4 if quick else 20) for command, end in COMMANDS]


def _measure(folder: Path, command: tuple[str, ...], end: str, saves: int) -> Row:
    child = pexpect.spawn(
        sys.executable, [*CONN[1:], *command], cwd=str(folder), env=environment(NO_COLOR="1", TERM="xterm"),
        encoding="utf-8", timeout=60, dimensions=(50, 120),
    )  # fmt: skip
    child.delaybeforesend = None
    path = folder / MAPPING
    right = path.read_text("utf-8")
    try:
        child.expect_exact("Ctrl-C stops")
        milliseconds = []
        for number in range(saves + 1):
            text = right if number % 2 else right.replace(FIELD, WRONG)
            started = time.perf_counter()
            path.write_text(text, "utf-8")
            child.expect(end)
            milliseconds.append((time.perf_counter() - started) * 1000)
        child.sendintr()
        child.expect(pexpect.EOF)
    finally:
        child.close(force=True)
        path.write_text(right, "utf-8")
    later = Spread.of(milliseconds[1:])  # the first save also reads what the later ones share
    return Row(
        benchmark="watch",
        measured=f"conn {' '.join(command)}, a mapping saved",
        against=f"{GOAL_MS:g} ms",
        ratio=Spread.of([each / GOAL_MS for each in milliseconds[1:]]),
        goal=1.0,
        detail=f"{later.median:.0f} ms; {milliseconds[0]:.0f} ms for the first save",
    )
