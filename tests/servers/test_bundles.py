"""The bundles for browsers that are committed are those of the lock file, byte by byte."""

import importlib.util
from pathlib import Path
from typing import Any

from processes import cache

SCRIPT = Path(__file__).resolve().parents[2] / "browser/bundles.py"


def load() -> Any:
    spec = importlib.util.spec_from_file_location("bundles", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_committed_bundles_are_built_from_the_lock_file(tmp_path: Path) -> None:
    cache.tool("npm", "Install Node.js 20 or later with npm (Debian: apt-get install nodejs npm).")
    bundles = load()
    built = bundles.build(tmp_path)
    committed = bundles.read_committed()
    assert [name for name in built if built[name] != committed[name]] == []
    assert bundles.digest(built) == bundles.DIGESTS.read_text("utf-8")
