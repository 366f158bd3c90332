"""What is logged, counted and traced of one request. It has no values of the request: no query, no body, no IDs of
records."""

from dataclasses import dataclass
from typing import Any

from starlette.requests import HTTPConnection
from starlette.types import Scope

__all__ = ["RequestRecord", "find_record"]

_KEY = "conn_request"


@dataclass(slots=True)
class RequestRecord:
    """A request by its ID, and whose it is as far as that is known. `route` is a pattern, `kind` that of a problem, and
    `reason` the text for the log that the caller does not see."""

    id: str
    method: str
    route: str = ""
    operation: str = ""
    connector: str = ""
    account: str = ""
    token: str = ""
    kind: str = ""
    reason: str = ""

    def attach(self, scope: Scope) -> None:
        """Let `find_record` find this record."""
        scope[_KEY] = self

    def describe(self) -> dict[str, Any]:
        """Return the members of a line of the log."""
        names = ("route", "operation", "connector", "account", "token", "kind", "reason")
        values = {name: getattr(self, name) for name in names}
        return {
            "request_id": self.id,
            "method": self.method,
            **{name: value for name, value in values.items() if value},
        }


def find_record(request: HTTPConnection | Scope) -> RequestRecord:
    """Return the record of a request. One that is served without `ObservedRequests` has an empty one."""
    scope = request.scope if isinstance(request, HTTPConnection) else request
    record = scope.get(_KEY)
    if not isinstance(record, RequestRecord):
        record = RequestRecord("", str(scope.get("method", "")))
        record.attach(scope)
    return record
