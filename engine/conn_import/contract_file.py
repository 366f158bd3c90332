"""`contract.yaml` of an import: which document it was made from, and which usual operations the document lacks."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from conn_engine.analysis.drift.contract import Endpoint
from conn_engine.documents import dump_yaml
from conn_import.mapping_proposals import ProposedMappings
from conn_import.words import clean_text, to_singular, to_snake

if TYPE_CHECKING:
    from conn_import import ImportedDocument

__all__ = ["CONTRACT_FILE", "find_not_offered", "format_contract"]

CONTRACT_FILE = "contract.yaml"
_HEAD = """\
# yaml-language-server: $schema=../../schemas/contract.schema.json
# The document that this connector was made from. conn score reads it. Operations in not_offered are not in it: check in
# the vendor's documentation whether there is another way.
"""
_USUAL = ("list", "get", "create", "update", "delete")
_LACKING = "The document has no such operation."


def format_contract(source: "ImportedDocument", not_offered: dict[str, str]) -> str:
    """Format the file. The requests are judged when they are recorded."""
    data: dict[str, Any] = {"document": clean_text(source.origin or source.file, 300), "digest": source.digest}
    return _HEAD + dump_yaml({**data, **({"not_offered": not_offered} if not_offered else {})})


def find_not_offered(proposed: ProposedMappings, endpoints: Sequence[Endpoint]) -> dict[str, str]:
    """Return the usual operations of proposed resources that no endpoint of the document looks like, with a reason."""
    found = {}
    for model, proposals in proposed.proposals.items():
        for proposal in proposals:
            noun = to_singular(proposal.vendor.name.rpartition("_")[2])
            offered = {method for endpoint in endpoints for method in _list_methods(endpoint, noun)}
            for method in _USUAL:
                if method not in proposal.operations and method not in offered:
                    found[f"{model}.{proposal.resource}.{method}"] = _LACKING
    return found


def _list_methods(endpoint: Endpoint, noun: str) -> Iterator[str]:
    """Yield the usual methods that an endpoint may be, if its path is about records with this noun."""
    parts = [part for part in endpoint.path.partition("?")[0].split("/") if part]
    words = [to_singular(word) for part in parts if "{" not in part for word in to_snake(part).split("_")]
    if noun not in words:
        return
    item = "{" in parts[-1]
    by_method = {
        "get": ("get",) if item else ("list", "get"),
        "post": ("update",) if item else ("create", "update", "delete"),
        "put": ("update",),
        "patch": ("update",),
        "delete": ("delete",),
    }
    yield from by_method.get(endpoint.method, ())
