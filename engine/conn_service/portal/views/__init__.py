"""The pages that only a service has. To add one, write a module with a `PortalView`, a template of the same name in
`templates`, and list the view in `ALL_VIEWS`."""

from conn_service.portal.views import accounts_page, connectors_page, endpoints_page, inbox_page, syncs_page
from conn_service.portal.views.audit_page import AUDIT
from conn_service.portal.views.portal_view import PortalForm, PortalView

__all__ = ["ALL_FORMS", "ALL_VIEWS"]

ALL_VIEWS: tuple[PortalView, ...] = (
    accounts_page.ACCOUNTS,
    accounts_page.ACCOUNT,
    connectors_page.CONNECTORS,
    connectors_page.CONNECTOR,
    syncs_page.SYNCS,
    syncs_page.RUNS,
    syncs_page.RUN,
    inbox_page.DELIVERIES,
    inbox_page.DELIVERY,
    endpoints_page.ENDPOINTS,
    endpoints_page.ENDPOINT,
    AUDIT,
)
"""The pages, in the order of their links."""
ALL_FORMS: tuple[PortalForm, ...] = (
    accounts_page.LINK,
    accounts_page.REVOKE,
    syncs_page.PAUSE,
    syncs_page.RESUME,
    syncs_page.CANCEL,
    syncs_page.RETRY,
    inbox_page.REPLAY,
    endpoints_page.TEST,
    endpoints_page.ENABLE,
    endpoints_page.REDELIVER,
)
"""The forms of the pages."""
