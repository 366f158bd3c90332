"""Write docs/reference/functions.md, or with `--check` say whether it is what the registry says (exit 1 when not)."""

import sys
from collections.abc import Sequence
from pathlib import Path

from conn_engine.documents import write_whole
from conn_engine.documents.locate import find_packaged
from conn_engine.expressions.functions.reference import page

__all__ = ["run"]


def run(arguments: Sequence[str], folder: Path) -> int:
    """Exit code: 0 written or equal, 1 drifted, 2 for an unknown argument."""
    if [argument for argument in arguments if argument not in ("--check", "--write")]:
        sys.stderr.write("usage: python -m conn_engine.expressions.functions [--check | --write]\n")
        return 2
    path, text = folder / "functions.md", page()
    if path.is_file() and path.read_text(encoding="utf-8") == text:
        return 0
    if "--check" in arguments:
        sys.stdout.write("differs: functions.md\n")
        return 1
    write_whole(path, text)
    sys.stdout.write("written: functions.md\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(run(sys.argv[1:], find_packaged("docs", "reference")))
