"""An operation as a generator: authorise, send, judge, page. Yields effects (see `wire`), does no I/O.

`perform` is the entry for both kinds: a vendor operation yields the vendor's records, a unified one lets
`runtime.unified` map them.
"""

from typing import Any

from conn_engine.config import Effective, OperationName
from conn_engine.runtime.call import Call, Session, encode_cursor
from conn_engine.runtime.layers import VendorPage
from conn_engine.runtime.listing import fetch_pages
from conn_engine.wire import Flow, Page

__all__ = ["page_of", "perform"]


def perform(effective: Effective, name: OperationName, call: Call, session: Session) -> Flow[None]:
    """The generator of one operation. Yields Page after Page between its requests.

    Raises UsageError, ConfigurationError (ExpressionError, ResponsePathMissing), VendorError, CredentialError.
    """
    if name.kind == "unified":
        from conn_engine.runtime.unified import perform_unified

        yield from perform_unified(effective, name, call, session)
        return

    def emit(page: VendorPage) -> Flow[None]:
        yield page_of(page, page.records)

    yield from fetch_pages(effective, effective.vendor(name.resource, name.method), call, session, emit)


def page_of(page: VendorPage, records: list[Any]) -> Page:
    """A vendor page with its final records, as callers see it."""
    return Page(
        records=records,
        raw=page.records,
        number=page.number,
        next_cursor=encode_cursor(page.next_state),
        prev_cursor=encode_cursor(page.prev_state),
        status=page.answer.response.status,
        headers=page.headers,
        whole=page.whole,
        partial=page.partial,
        notes=page.notes,
        partition=page.partition,
        state=page.state,
        completeness=page.completeness,
        content=page.answer.rest.content if page.answer.rest is not None else None,
    )
