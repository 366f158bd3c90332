"""The pages that only a service has. To add one, write a module with a `PortalView`, a template of the same name in
`templates`, and list the view in `ALL_VIEWS`."""

from conn_service.portal.views.audit_page import AUDIT
from conn_service.portal.views.portal_view import PortalForm, PortalView

__all__ = ["ALL_FORMS", "ALL_VIEWS"]

ALL_VIEWS: tuple[PortalView, ...] = (AUDIT,)
"""The pages, in the order of their links."""
ALL_FORMS: tuple[PortalForm, ...] = ()
"""The forms of the pages."""
