"""The bodies of the page's requests."""

import re
from typing import Annotated, Literal

import msgspec

from conn_engine.analysis.override_targets import FieldOverride
from conn_engine.config import MAPPINGS
from conn_engine.documents.edits import SharedChoice

__all__ = [
    "AccountsRequest",
    "DraftRequest",
    "EvaluateRequest",
    "OperationRequest",
    "PageEdit",
    "RecordsRequest",
    "ReviewRequest",
    "SaveRequest",
    "WhyRequest",
]

EditLevel = Literal["account", "environment"]


class _Request(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A request that names all it is about."""


class AccountsRequest(_Request, frozen=True, kw_only=True):
    """A search among the accounts, or one of them."""

    search: str = ""
    limit: Annotated[int, msgspec.Meta(ge=1, le=500)] = 50
    account: str = ""


class PageEdit(_Request, frozen=True, kw_only=True):
    """One change of the document that the page edits: an override of a field, or its removal."""

    operation: str
    field: str
    scope: Literal["resource", "operation"] = "resource"
    action: Literal["set", "replace", "remove", "steps"] = "set"
    expression: str = ""
    shared: SharedChoice = "refuse"

    @property
    def is_of_response(self) -> bool:
        """Whether it is about the response mapping, which decides nothing about requests."""
        if self.action == "steps":
            return False
        return re.sub(r"\W.*", "", self.field, flags=re.DOTALL) not in MAPPINGS - {"response_mapping"}

    def to_override(self, account: str, environment: str | None) -> FieldOverride:
        """Return the override, for an account or, with `environment`, for all accounts of that environment."""
        name = self.operation if self.scope == "operation" else self.operation.rpartition(".")[0]
        return FieldOverride(account, name, self.field, self.expression, self.action, environment, self.shared)


class ReviewRequest(_Request, frozen=True, kw_only=True):
    """The unsaved edits of an account or of its environment."""

    account: str
    level: EditLevel = "account"
    edits: tuple[PageEdit, ...] = ()


class CommitRequest(_Request, frozen=True, kw_only=True):
    """A commit of the saved document, with its message."""

    message: Annotated[str, msgspec.Meta(max_length=5000)]


class DraftRequest(ReviewRequest, frozen=True, kw_only=True):
    """Edits to remember. `digest` is that of the document that they were made for."""

    digest: str = ""


class SaveRequest(ReviewRequest, frozen=True, kw_only=True):
    """Edits to save. `digest` is that of the document that the author has seen, and `accept` is whether results of
    recordings may fail. `reason` is for the history of a service."""

    digest: str
    accept: bool = False
    reason: Annotated[str, msgspec.Meta(max_length=2000)] = ""
    commit: CommitRequest | None = None


class OperationRequest(ReviewRequest, frozen=True, kw_only=True):
    """One operation with the unsaved edits. `case` is the scenario of a recording; "" for the first one."""

    operation: str
    case: str = ""


class RecordsRequest(OperationRequest, frozen=True, kw_only=True):
    """Some of the vendor's records of a case."""

    start: Annotated[int, msgspec.Meta(ge=0)] = msgspec.field(name="from", default=0)
    count: Annotated[int, msgspec.Meta(ge=0, le=500)] = 50


class EvaluateRequest(OperationRequest, frozen=True, kw_only=True):
    """Some of the records of a case: `count` of them (None for all), starting with number `start`."""

    sequence: int = 0
    start: Annotated[int, msgspec.Meta(ge=0)] = msgspec.field(name="from", default=0)
    count: Annotated[int, msgspec.Meta(ge=0)] | None = None
    with_records: bool = False


class WhyRequest(OperationRequest, frozen=True, kw_only=True):
    """One field of a record, or all fields of it. `item` counts the results of a page that is mapped as a whole."""

    record: Annotated[int, msgspec.Meta(ge=0)]
    item: Annotated[int, msgspec.Meta(ge=0)] = 0
    field: str = ""
