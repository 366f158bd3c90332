"""Write the published schemas. With `--check`, only list those that differ from the models (exit code 1)."""

import sys
from collections.abc import Sequence
from pathlib import Path

from conn_engine.documents import write_whole
from conn_engine.documents.locate import find_packaged
from conn_engine.schemas.published import build_texts

__all__ = ["run"]


def run(arguments: Sequence[str], folder: Path) -> int:
    """Return the exit code: 0 if all are written or up to date, 1 if some differ, 2 for an unknown argument."""
    if [argument for argument in arguments if argument != "--check"]:
        sys.stderr.write("usage: python -m conn_engine.schemas [--check]\n")
        return 2
    drifted = []
    for name, text in build_texts().items():
        path = folder / name
        if path.is_file() and path.read_text(encoding="utf-8") == text:
            continue
        drifted.append(name)
        if "--check" not in arguments:
            write_whole(path, text)
    for name in drifted:
        sys.stdout.write(f"{'differs' if '--check' in arguments else 'written'}: {name}\n")
    return 1 if drifted and "--check" in arguments else 0


if __name__ == "__main__":
    raise SystemExit(run(sys.argv[1:], find_packaged("schemas")))
