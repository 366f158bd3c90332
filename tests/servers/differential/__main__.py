"""Reads every manifest under both readers: `make differential`. Writes the table; fails on what `demands` finds.

Arguments: `--every N` (each Nth manifest), `--table FILE`, `--results FILE` (what is in it is not read again, what is
read goes there: a run that was broken off goes on), and names of manifests, `name:stream` for one stream.
"""

import argparse
import dataclasses
import json
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from differential.demands import find_shortfalls
from differential.manifests import own, sample
from differential.sample import Outcome, run
from differential.table import table


def main() -> int:
    """Run; 1 when a demand is not met, such as that no stream differs without a reason."""
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*")
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--table", type=Path)
    parser.add_argument("--results", type=Path)
    options = parser.parse_args()
    known = _known(options.results)
    wanted = [name.partition(":") for name in options.names]
    chosen = [(path, "") for path in own() + sample()[:: options.every]] if not wanted else []
    for stem, _, stream in wanted:
        chosen += [(path, stream) for path in own() + sample() if path.stem == stem]
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as scratch:
        new = run(
            [(path, stream) for path, stream in chosen if path.stem not in known],
            Path(scratch),
            lambda outcome: _tell(outcome, whole=bool(wanted)),
            lambda found: _keep(options.results, found),
        )
    for outcome in new:
        known.setdefault(outcome.manifest, []).append(outcome)
    results = [outcome for stem in dict.fromkeys(path.stem for path, _ in chosen) for outcome in known[stem]]
    counts = Counter((one.phase, one.status) for one in results)
    sys.stdout.write(f"{time.monotonic() - begun:.0f} s; ")
    sys.stdout.write(", ".join(f"{phase} {status} {n}" for (phase, status), n in sorted(counts.items())) + "\n")
    if options.table:
        options.table.write_text(table(results), encoding="utf-8")
    shortfalls = [] if wanted else list(find_shortfalls(results))
    sys.stdout.writelines(f"{text}\n" for text in shortfalls)
    return 1 if shortfalls or any(one.status in ("differs", "unread") for one in results) else 0


def _known(file: Path | None) -> dict[str, list[Outcome]]:
    """The outcomes that a file holds, by manifest."""
    found: dict[str, list[Outcome]] = {}
    for line in file.read_text(encoding="utf-8").splitlines() if file is not None and file.exists() else ():
        outcome = Outcome(**json.loads(line))
        found.setdefault(outcome.manifest, []).append(outcome)
    return found


def _keep(file: Path | None, found: list[Outcome]) -> None:
    if file is not None:
        lines = [json.dumps(dataclasses.asdict(outcome)) + "\n" for outcome in found]
        with file.open("a", encoding="utf-8") as kept:
            kept.write("".join(lines))


def _tell(outcome: Outcome, *, whole: bool) -> None:
    if outcome.status in ("differs", "unread") or (whole and outcome.status == "explained"):
        reasons = f" ({', '.join(outcome.reasons)})" if outcome.reasons else ""
        lines = [f"## {outcome.manifest}:{outcome.stream} {outcome.phase} {outcome.status}{reasons}"]
        lines += [f"   {line}" for line in outcome.detail.splitlines()]
        sys.stdout.write("\n".join(lines) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
