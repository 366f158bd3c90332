"""Where the manifests are: a few of our own, and the public sample, which this repository does not carry.

`$CONN_VENDOR_MANIFESTS` names the sample's folders (as in `PATH`); without it, those called `airbyte-manifests…` in
`shared/vendors` beside the checkout are.
"""

import os
from pathlib import Path

__all__ = ["own", "sample"]

BESIDE = Path(__file__).resolve().parents[3].parent / "shared" / "vendors"


def own() -> list[Path]:
    """The manifests written for this test."""
    return sorted((Path(__file__).parent / "made").glob("*.yaml"))


def sample() -> list[Path]:
    """The public sample, in order of name; none where it is not at hand."""
    named = os.environ.get("CONN_VENDOR_MANIFESTS")
    folders = (
        [Path(one).expanduser() for one in named.split(os.pathsep)] if named else BESIDE.glob("airbyte-manifests*")
    )
    return sorted(path for folder in folders for path in folder.glob("*.yaml"))
