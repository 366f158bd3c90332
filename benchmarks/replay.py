"""Replay: every recorded case of the bundled connectors through the suite, against only reading its files as JSON."""

import json
from pathlib import Path

from benchmarks.measure import CHECKOUT, Row, Spread, alternate, ratios, timed
from conn_engine import Selection, load_workspace, run_suite

__all__ = ["run"]


def run(*, quick: bool) -> list[Row]:
    """Rows of this benchmark."""
    counted: list[int] = []

    def suite() -> None:
        # A fresh workspace each time: reading the documents belongs to a run of the suite.
        reports = list(run_suite(load_workspace(CHECKOUT), Selection()))
        wrong = [report.name.text for report in reports if report.failed]
        if wrong:
            raise RuntimeError(f"the suite fails: {', '.join(wrong)}")
        counted.append(sum(len(report.judgements) for report in reports))

    def read() -> None:
        for path in sorted((CHECKOUT / "connectors").glob("*/*/*.json")):
            json.loads(Path(path).read_bytes())

    values = alternate({"suite": lambda: timed(suite), "read": lambda: timed(read)}, 3 if quick else 7)
    rate = counted[0] / Spread.of(values["suite"]).median
    detail = f"{counted[0]} cases, {rate:.0f} cases/s"
    against = ratios(values["suite"], values["read"])
    return [Row("replay", "suite of every connector", "json reading its files", against, None, detail)]
