"""Run an operation as a generator: authorize, send, classify, paginate. It yields effects (see `wire`) and does no I/O.

`perform` is the entry for both kinds: a vendor operation yields the vendor's records, and `runtime.unified` maps those
of a unified one.
"""

from conn_engine.config import OperationName
from conn_engine.runtime.call import Call, Run
from conn_engine.runtime.fetched import Fetched
from conn_engine.runtime.listing import fetch_pages
from conn_engine.wire import Flow

__all__ = ["perform"]


def perform(run: Run, name: OperationName, call: Call) -> Flow[None]:
    """Run one operation. Yields its requests and other effects, and a Page as each one is ready.

    Raises UsageError, ConfigurationError (DisabledError, ExpressionError, ResponsePathMissing), VendorError and
    CredentialError.
    """
    run.effective.check_enabled(name)
    if call.body is not None:
        from conn_engine.runtime.body_keys import check_body

        check_body(run.effective, name, call)
    if name.kind == "unified":
        from conn_engine.runtime.unified import perform_unified

        yield from perform_unified(run, name, call)
        return

    def emit(page: Fetched) -> Flow[None]:
        yield page.to_page(page.records)

    yield from fetch_pages(run, run.effective.vendor(name.resource, name.method), call, emit)
