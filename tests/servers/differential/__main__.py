"""Reads every manifest under both readers: `make differential`. Writes the table; fails on a difference unexplained.

Arguments: `--every N` (each Nth manifest), `--table FILE`, and names of manifests, `name:stream` for one stream.
"""

import argparse
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from differential.manifests import own, sample
from differential.sample import Outcome, run
from differential.table import table


def main() -> int:
    """Run; 1 when a stream differs and no reason says why."""
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*")
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--table", type=Path)
    options = parser.parse_args()
    found = own() + sample()[:: options.every]
    wanted = [name.partition(":") for name in options.names]
    chosen = [(path, "") for path in found] if not wanted else []
    for stem, _, stream in wanted:
        chosen += [(path, stream) for path in own() + sample() if path.stem == stem]
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as scratch:
        results = run(chosen, Path(scratch), lambda outcome: _tell(outcome, whole=bool(wanted)))
    counts = Counter((one.phase, one.status) for one in results)
    sys.stdout.write(f"{time.monotonic() - begun:.0f} s; ")
    sys.stdout.write(", ".join(f"{phase} {status} {n}" for (phase, status), n in sorted(counts.items())) + "\n")
    if options.table:
        options.table.write_text(table(results), encoding="utf-8")
    return 1 if any(one.status in ("differs", "unread") for one in results) else 0


def _tell(outcome: Outcome, *, whole: bool) -> None:
    if outcome.status in ("differs", "unread") or (whole and outcome.status == "explained"):
        reasons = f" ({', '.join(outcome.reasons)})" if outcome.reasons else ""
        lines = [f"## {outcome.manifest}:{outcome.stream} {outcome.phase} {outcome.status}{reasons}"]
        lines += [f"   {line}" for line in outcome.detail.splitlines()]
        sys.stdout.write("\n".join(lines) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
