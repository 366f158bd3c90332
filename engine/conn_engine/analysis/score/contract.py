"""`contract.yaml` of a connector: the vendor's document that its requests were judged against, and what differs."""

from typing import Annotated, Final

import msgspec
from msgspec import Meta

from conn_engine.config import Workspace
from conn_engine.errors import ConfigurationError
from conn_engine.lint.contract_rules import CONTRACT_FILE, NOT_OFFERED_PARTS

__all__ = ["CONTRACT_FILE", "NOT_OFFERED_PARTS", "ContractGap", "PublishedContract", "read_contract"]


SHORTEST_REASON: Final = 12
"""Readers check the reasons: less than that says nothing."""


class ContractGap(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Why an operation sends what the vendor's document does not allow. A gap that was found, and that nobody has
    explained, has no link."""

    reason: Annotated[str, Meta(min_length=1, description="Why it is sent.")]
    link: Annotated[
        str, Meta(pattern="^(https://.*)?$", description="The vendor's page that shows it, which starts with https://.")
    ] = ""


class PublishedContract(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What a connector's requests were judged against, and what the vendor does not have.

    If Conn itself judged the requests, what was changed since then does not count.
    """

    document: Annotated[str, Meta(description="The vendor's published document: a URL, or what to call it.")] = ""
    digest: Annotated[str, Meta(description="The digest of the document, if Conn judged the requests.")] = ""
    judged: Annotated[
        dict[str, str], Meta(description="A digest of the requests of each operation that Conn judged.")
    ] = {}
    gaps: Annotated[
        dict[str, ContractGap],
        Meta(description="The operations that send what the document does not allow, with the reason and a link."),
    ] = {}
    not_offered: Annotated[
        dict[str, Annotated[str, Meta(min_length=SHORTEST_REASON)]],
        Meta(
            description="What the vendor does not have, with the reason: `webhooks`, `incremental`, `deletes`, "
            "`rate_limit`, `login`, operations (`crm.contacts.delete`) and fields of a model (`crm.contacts.title`, "
            "with all below it). The score is the share of what the vendor offers."
        ),
    ] = {}

    def lacks(self, name: str) -> bool:
        """Return whether the vendor does not have an operation or a field, or an object that contains the field."""
        parts = name.split(".")
        return any(".".join(parts[:count]) in self.not_offered for count in range(3, len(parts) + 1))


def read_contract(workspace: Workspace, connector: str) -> PublishedContract:
    """Return the contract of a connector; an empty one without a file. Raises ConfigurationError if it is invalid."""
    path = workspace.root / "connectors" / connector / CONTRACT_FILE
    if not workspace.tree.is_file(path):
        return PublishedContract()
    workspace.check_inside(path)
    shown = workspace.format_path(path)
    data = workspace.tree.document(path, shown).data
    if isinstance(data, dict):
        data = {key: value for key, value in data.items() if key != "$schema"}
    try:
        return msgspec.convert(data, PublishedContract)
    except msgspec.ValidationError as error:
        raise ConfigurationError(
            f"{shown} is invalid: {error}",
            hint="its keys are document, digest, judged, gaps (operation: {reason, link}) and not_offered "
            "(webhooks, incremental, deletes, rate_limit, login, operation or field: reason)",
        ) from error
