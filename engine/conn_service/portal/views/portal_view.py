"""What a page or a form of the portal consists of."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from conn_engine.errors import UsageError
from conn_service.http.service import ServiceParts
from conn_service.portal.roles import PortalRole
from conn_service.portal.sessions import PortalSession
from conn_service.revisions import AuditEntry

__all__ = ["PortalForm", "PortalView", "ViewRequest"]


@dataclass(frozen=True, slots=True)
class ViewRequest:
    """A request for a page, or a form: `query` has the parameters of the path and of the URL, or the fields."""

    parts: ServiceParts
    session: PortalSession
    query: Mapping[str, str]

    def require(self, name: str, what: str) -> str:
        """Return a parameter. Raises UsageError if it is empty."""
        value = self.query.get(name, "").strip()
        if not value:
            raise UsageError(f"{what} is missing", hint="fill in the field")
        return value

    def record(self, action: str, target: str, *, account: str = "", reason: str = "") -> None:
        """Write into the log that this person did something that is not a revision."""
        tenant = self.parts.callers.source.find_tenant(account) or "" if account else ""
        now = self.parts.clock.now()
        self.parts.audit.add(AuditEntry(now, self.session.actor, action, target, account, tenant, reason))


@dataclass(frozen=True, slots=True)
class PortalView:
    """A page. `show` returns the values of the template with this name; it runs in a thread, and may block. `link` is
    the text of the link to it, "" without one. Everybody with a session may see it, unless `role` says more."""

    path: str
    template: str
    show: Callable[[ViewRequest], Mapping[str, Any]]
    link: str = ""
    role: PortalRole = "viewer"


@dataclass(frozen=True, slots=True)
class PortalForm:
    """A form that people with a role may send. `submit` does it, and returns the path of the page to show then, or the
    values of `template`; it runs in a thread, and may block. It raises ConnError for what is wrong with the form."""

    path: str
    role: PortalRole
    submit: Callable[[ViewRequest], str | Mapping[str, Any]]
    template: str = ""
