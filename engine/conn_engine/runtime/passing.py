"""Pass a caller's own request to the vendor with the account's credential, and return the response as it is.

There are no retries, redirects, error rules or mappings. Who may call this, and which of the caller's headers are
passed on, is the caller's decision.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from conn_engine.bodies import Upload
from conn_engine.errors import UsageError, VendorError
from conn_engine.listing.flows.request import StepRequest
from conn_engine.runtime.call import Call, Run
from conn_engine.runtime.exchange import exchange
from conn_engine.runtime.request import call_scope
from conn_engine.runtime.variants import inline_operation
from conn_engine.settings import Draft
from conn_engine.url_paths import has_dot_segment
from conn_engine.wire import Flow, Response

__all__ = ["PassedResponse", "PlainRequest", "pass_request"]


@dataclass(frozen=True, slots=True, repr=False)
class PlainRequest:
    """A request as a caller writes it. `path` follows the connector's base URL; it starts with "/" and is encoded.
    `query` keeps order and repetitions."""

    method: str
    path: str
    query: Sequence[tuple[str, str]] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None


@dataclass(frozen=True, slots=True, repr=False)
class PassedResponse:
    """A response as it arrived, and the quotas that it reports, in the form of a `Page`'s headers."""

    response: Response
    limits: Mapping[str, str]


def pass_request(run: Run, asked: PlainRequest) -> Flow[PassedResponse]:
    """Send the request once and return its response with any status. Close its `spool` if it has one. A credential that
    expires soon, or that the vendor refuses, is renewed first.

    Raises UsageError for a path that leaves the base URL, CredentialError when the vendor refuses the credential,
    VendorError when a budget is used up, and TransportError when there is no response.
    """
    path = asked.path
    if not path.startswith("/") or "?" in path or "#" in path or has_dot_segment(path):
        raise UsageError(
            f'"{path[:200]}" is not a path below the base URL',
            hint='start it with "/", leave out "." and "..", and pass the query separately',
        )
    effective = run.effective
    operation = inline_operation(effective, StepRequest(method=asked.method, path="", body_format="raw"))
    operation = replace(operation, errors=(), body=None if asked.body is None else {"file": "body"})
    files = {} if asked.body is None else {"body": Upload(asked.body)}
    call = Call(headers=asked.headers, files=files, as_file=True)

    def place(draft: Draft) -> None:
        draft.url = draft.address = draft.base + path
        draft.query = [*draft.query, *asked.query]

    session = replace(run.session, policy=replace(run.session.policy, retries=0, transport_retries=0, wait=False))
    scope = call_scope(effective, call, session.conditions)
    try:
        fetched = yield from exchange(Run(effective, session), operation, call, scope, place, "passed")
        return PassedResponse(fetched.answer.response, fetched.headers)
    except VendorError as error:
        if error.response is None:
            raise
        return PassedResponse(error.response, error.limits)
    finally:
        run.session.document = session.document
