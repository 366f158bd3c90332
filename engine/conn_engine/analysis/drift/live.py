"""Get current responses from the vendor: send the recorded calls of reading operations again, a few pages each."""

import json
from collections.abc import Mapping
from contextlib import closing
from typing import Any

from msgspec import UNSET

from conn_engine.analysis.drift.forms import Observed
from conn_engine.config import Effective, Workspace
from conn_engine.errors import ConnError, CredentialError, TransportError, UsageError, VendorError
from conn_engine.runtime.connection import Connection
from conn_engine.runtime.drive import Sender
from conn_engine.runtime.plans import may_write
from conn_engine.runtime.wiring import Wiring, wire_account
from conn_engine.secrets import Redactor
from conn_engine.testing.cases import Case, find_cases, recorded_call
from conn_engine.transport.live import Live
from conn_engine.wire import MACHINE_CLOCK, Clock, Request, Response

__all__ = ["fetch_responses", "find_repeatable_cases", "repeat_call"]


class _Observer:
    """A transport that stores the responses to the operation's own requests."""

    def __init__(self, inner: Sender) -> None:
        self._inner = inner
        self.rows: list[Observed] = []

    def send(self, request: Request) -> Response:
        response = self._inner.send(request)
        if request.purpose in ("operation", "step"):
            headers = dict(response.headers.pairs)
            body = _decode(response.body)
            self.rows.append(Observed(request.method, request.url, response.status, body, headers))
        return response

    def close(self) -> None:
        """Do nothing: the inner transport is the caller's."""


def _decode(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return UNSET


def fetch_responses(
    workspace: Workspace,
    effective: Effective,
    *,
    environ: Mapping[str, str],
    redactor: Redactor,
    pages: int,
    clock: Clock = MACHINE_CLOCK,
) -> tuple[list[Observed], list[tuple[str, str]]]:
    """Return the vendor's responses for the account, and (operation, reason) for the operations left out.

    Requests that write are never sent. Raises UsageError if there is no recording, CredentialError if the account has
    no credential.
    """
    observed: list[Observed] = []
    cases, left_out = find_repeatable_cases(workspace, effective)
    if not cases and not left_out:
        raise UsageError(
            "there is no recording whose requests can be sent again",
            hint="record an operation first: conn record OPERATION --account ACCOUNT",
        )
    wiring = wire_account(
        workspace,
        effective.account or "",
        environ=environ,
        environment=effective.environment,
        redactor=redactor,
        clock=clock,
    )
    for case in cases:
        with closing(Live(redactor, trust=workspace.trust, clock=clock)) as transport:
            rows, error = repeat_call(wiring, transport, case, pages)
        # Responses are compared even if the mapping fails; its error may quote a value, and is not shown.
        if error is not None and not rows:
            if _ends(error, has_responses=bool(observed)):
                raise error
            left_out.append((case.name.text, error.message))
        observed += rows
    return observed, left_out


def find_repeatable_cases(workspace: Workspace, effective: Effective) -> tuple[list[Case], list[tuple[str, str]]]:
    """Return the recordings of operations whose calls only read, and (operation, reason) for those that may write."""
    cases, left_out = [], []
    for case in find_cases(workspace, effective, effective.enabled_operations()):
        if case.scenario != "default":
            continue
        if may_write(effective, case.name, recorded_call(case.recording)):
            left_out.append((case.name.text, "it may write data"))
        else:
            cases.append(case)
    return cases, left_out


def repeat_call(wiring: Wiring, transport: Sender, case: Case, pages: int) -> tuple[list[Observed], ConnError | None]:
    """Send the call of a recording again, for some pages at most. Return the responses, and the error that ended it."""
    observer = _Observer(transport)
    try:
        with closing(Connection(wiring, observer).pages(case.name, recorded_call(case.recording))) as listing:
            for number, _ in enumerate(listing, 1):
                if number >= pages:
                    break
    except ConnError as error:
        return observer.rows, error
    return observer.rows, None


def _ends(error: ConnError, *, has_responses: bool) -> bool:
    """Return whether an error without a response affects the other operations too: a credential, or no connection."""
    return isinstance(error, CredentialError | VendorError) and not (
        has_responses and isinstance(error, TransportError)
    )
