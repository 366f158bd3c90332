"""What the tests of the documents share: `console_blocks`, and a `conn` as a fresh shell would find it."""

import os
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture
def shell(tmp_path):
    """Environment variables of a shell in which `conn` is the checkout's, without credentials or keyring."""
    folder = tmp_path / "bin"
    folder.mkdir()
    command = folder / "conn"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m conn_cli.main "$@"\n', encoding="utf-8")
    command.chmod(0o755)
    return {
        "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "PYTHONPATH": os.pathsep.join([str(ROOT / "cli"), str(ROOT / "engine")]),
        "PYTHONUTF8": "1",
        "CONN_NO_KEYRING": "1",
        "CONN_STATE_DIR": str(tmp_path / "state"),
    }
