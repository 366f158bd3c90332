"""`contract.yaml` of a connector: the vendor's document that its requests were judged against, and what differs."""

from typing import Annotated

import msgspec
from msgspec import Meta

from conn_engine.config import Workspace
from conn_engine.errors import ConfigurationError

__all__ = ["CONTRACT_FILE", "ContractGap", "PublishedContract", "read_contract"]

CONTRACT_FILE = "contract.yaml"


class ContractGap(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Why an operation sends what the vendor's document does not allow. A gap that was found, and that nobody has
    explained, has no link."""

    reason: Annotated[str, Meta(min_length=1)]
    link: Annotated[str, Meta(pattern="^(https://.*)?$")] = ""


class PublishedContract(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """The vendor's published document, or "" if the requests were not judged. `gaps` has the operations that it does
    not allow, and `not_offered` the operations and fields (crm.contacts.department) that the vendor does not have, with
    the reason.

    If Conn itself judged the requests, `digest` is that of the document, and `judged` has a digest of the requests of
    each judged operation. What was changed since then does not count.
    """

    document: str = ""
    digest: str = ""
    judged: dict[str, str] = {}
    gaps: dict[str, ContractGap] = {}
    not_offered: dict[str, Annotated[str, Meta(min_length=1)]] = {}


def read_contract(workspace: Workspace, connector: str) -> PublishedContract:
    """Return the contract of a connector; an empty one without a file. Raises ConfigurationError if it is invalid."""
    path = workspace.root / "connectors" / connector / CONTRACT_FILE
    if not workspace.tree.is_file(path):
        return PublishedContract()
    workspace.check_inside(path)
    shown = workspace.format_path(path)
    try:
        return msgspec.convert(workspace.tree.document(path, shown).data, PublishedContract)
    except msgspec.ValidationError as error:
        raise ConfigurationError(
            f"{shown} is invalid: {error}",
            hint="its keys are document, digest, judged, gaps (operation: {reason, link}) and not_offered (operation: "
            "reason)",
        ) from error
