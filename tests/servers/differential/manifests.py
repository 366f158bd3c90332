"""Where the manifests are: a few of our own, and the public sample, which this repository does not carry.

`$CONN_VENDOR_MANIFESTS` names the sample's folder; without it, `shared/vendors/airbyte-manifests` beside the checkout
is tried.
"""

import os
from pathlib import Path

__all__ = ["own", "sample"]

BESIDE = Path(__file__).resolve().parents[3].parent / "shared" / "vendors" / "airbyte-manifests"


def own() -> list[Path]:
    """The manifests written for this test."""
    return sorted((Path(__file__).parent / "made").glob("*.yaml"))


def sample() -> list[Path]:
    """The public sample, in order of name; none where it is not at hand."""
    named = os.environ.get("CONN_VENDOR_MANIFESTS")
    folder = Path(named).expanduser() if named else BESIDE
    return sorted(folder.glob("*.yaml"))
