"""Finds the vendors' published API documents, which this repository may not carry.

`$CONN_VENDOR_SPECS` names their folder; without it, `shared/vendors/specs` beside the checkout is tried.
"""

import os
from pathlib import Path

from processes.process import ServerFailed

__all__ = ["folder", "is_provided", "spec"]

BESIDE = Path(__file__).resolve().parents[3].parent / "shared" / "vendors" / "specs"
SOURCES = {
    "bamboohr.yaml": "https://github.com/BambooHR/bhr-api-python, as specs/public.yaml",
    "xero-payroll-uk.yaml": "https://github.com/XeroAPI/Xero-OpenAPI",
    "pipedrive-v2.yaml": "https://developers.pipedrive.com/docs/api/v1/openapi-v2.yaml",
    "hubspot-crm-contacts-v3.json": "https://github.com/HubSpot/HubSpot-public-api-spec-collection ",
}


def folder() -> Path:
    """The folder of the documents, whether it is there or not."""
    named = os.environ.get("CONN_VENDOR_SPECS")
    return Path(named).expanduser() if named else BESIDE


def is_provided(name: str) -> bool:
    """Whether a document that is in no package registry was saved in the folder."""
    return (folder() / name).is_file()


def spec(name: str) -> Path:
    """Path of one vendor document. Raises ServerFailed that says how to provide it."""
    found = folder() / name
    if not found.is_file():
        raise ServerFailed(
            f"The vendor's API document {name} is not in {folder()}. The documents are the vendors' own and "
            f"not part of this repository: save it there, or set CONN_VENDOR_SPECS to a folder with it. "
            f"Published at: {SOURCES.get(name, 'the vendor')}"
        )
    return found
