"""One operation of the connector that is built: what the document declares, and what was inferred."""

from dataclasses import dataclass

from conn_engine.analysis.drift.contract import Endpoint
from conn_import.naming import SuggestedName
from conn_import.pagination import PaginationGuess
from conn_import.requests import RequestTemplate

__all__ = ["BuiltOperation"]

_READS = frozenset({
    "autocomplete", "batch_get", "batch_read", "count", "filter", "find", "get", "list", "lookup", "preview",
    "query", "read", "search", "validate",
})  # fmt: skip


@dataclass(slots=True)
class BuiltOperation:
    """An endpoint with its name, its request, the path to its records and its pagination. `wrapper` is the property
    that has the record in each item of a list, or ""."""

    endpoint: Endpoint
    name: SuggestedName
    form: RequestTemplate
    records: tuple[str, ...]
    paging: PaginationGuess | None
    wrapper: str = ""

    @property
    def reads_by_post(self) -> bool:
        """Return whether it is a POST that only reads, judging by its name."""
        return self.endpoint.method == "post" and self.name.method in _READS

    @property
    def reads(self) -> bool:
        """Whether it changes nothing at the vendor."""
        return self.endpoint.method in ("get", "head") or self.reads_by_post

    @property
    def inherits_paging(self) -> bool:
        """Return whether the connector's pagination applies to it. It does not for writes and for reads of one
        record."""
        return self.reads and not self.form.path.endswith("{{id}}")
