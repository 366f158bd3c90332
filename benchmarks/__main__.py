"""`python -m benchmarks [NAME…] [--quick] [--markdown FILE]`: run benchmarks and print their results."""

import argparse
import importlib
import platform
import sys
from pathlib import Path

from benchmarks.measure import Counts, Row
from benchmarks.table import as_markdown, as_text, count_table, ratio_table

NAMES = (
    "startup",
    "lint",
    "editor",
    "replay",
    "mapping",
    "webhooks",
    "events",
    "fanout",
    "fetching",
    "syncing",
    "service",
    "memory",
    "large",
    "impact",
    "watch",
    "brevity",
)


def main() -> int:
    """Exit code 0 when everything ran, whatever the figures: a benchmark is not a test."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"{', '.join(NAMES)}; default: all")
    parser.add_argument("--quick", action="store_true", help="fewer rounds and smaller inputs")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="also write the table to FILE")
    chosen = parser.parse_args()
    unknown = [name for name in chosen.names if name not in NAMES]
    if unknown:
        parser.error(f"there is no benchmark {unknown[0]!r}; there are: {', '.join(NAMES)}")
    rows: list[Row | Counts] = []
    for name in chosen.names or NAMES:
        sys.stderr.write(f"{name} …\n")
        rows += importlib.import_module(f"benchmarks.{name}").run(quick=chosen.quick)
    tables = []
    if ratios := [row for row in rows if isinstance(row, Row)]:
        machine = f"{platform.system()} {platform.machine()}, Python {platform.python_version()}"
        tables.append((ratio_table(ratios), f"ratios, median of several runs in turn; {machine}"))
    if counts := [row for row in rows if isinstance(row, Counts)]:
        tables.append(
            (count_table(counts), "lines / depth of the documents; every kit but Nango returned the same records")
        )
    sys.stdout.write("\n".join(f"{as_text(table)}\n\n{legend}\n" for table, legend in tables))
    if chosen.markdown is not None:
        chosen.markdown.write_text("\n".join(f"{as_markdown(table)}\n" for table, _ in tables), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
