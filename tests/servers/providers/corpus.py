"""Finds the sample of provider entries, which this repository may not carry, and reads it with a library of its own.

`$CONN_PROVIDER_ENTRIES` names the file; without it, `shared/vendors/nango-providers-sample.yaml` beside the checkout is
tried.
"""

import os
from pathlib import Path
from typing import Any

import yaml

__all__ = ["FILE", "MISSING", "entries", "mode"]

BESIDE = Path(__file__).resolve().parents[3].parent / "shared" / "vendors" / "nango-providers-sample.yaml"
FILE = Path(os.environ["CONN_PROVIDER_ENTRIES"]) if os.environ.get("CONN_PROVIDER_ENTRIES") else BESIDE
MISSING = (
    f"The sample of provider entries is not at {FILE}. It is its publisher's own (Elastic License) and not part of "
    "this repository: save it there, or set CONN_PROVIDER_ENTRIES to a file with entries."
)


def entries() -> dict[str, dict[str, Any]]:
    """The entries by their keys, without what they inherit; empty when the file is not there."""
    if not FILE.is_file():
        return {}
    found: dict[str, dict[str, Any]] = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    return found


def mode(entry: dict[str, Any]) -> str:
    """Its auth_mode, `alias` for one that has only what another entry says."""
    return str(entry.get("auth_mode", "alias"))
