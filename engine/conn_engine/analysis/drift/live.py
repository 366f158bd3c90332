"""Get current responses from the vendor: send the recorded calls of reading operations again, a few pages each."""

import json
from collections.abc import Mapping
from typing import Any

from msgspec import UNSET

from conn_engine.analysis.drift.forms import Observed
from conn_engine.config import Effective, Workspace
from conn_engine.errors import ConnError, CredentialError, TransportError, UsageError, VendorError
from conn_engine.runtime.connection import Connection
from conn_engine.runtime.plans import may_write
from conn_engine.runtime.wiring import wire_account
from conn_engine.secrets import Redactor
from conn_engine.testing.cases import Case, find_cases, recorded_call
from conn_engine.transport.live import Live
from conn_engine.wire import MACHINE_CLOCK, Clock, Request, Response

__all__ = ["fetch_responses"]


class _Observer:
    """A live transport that stores the responses to the operation's own requests."""

    def __init__(self, inner: Live) -> None:
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
        self._inner.close()


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
    left_out: list[tuple[str, str]] = []
    cases = _cases(workspace, effective)
    if not cases:
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
        call = recorded_call(case.recording)
        if may_write(effective, case.name, call):
            left_out.append((case.name.text, "it may write data"))
            continue
        transport = _Observer(Live(redactor, trust=workspace.trust, clock=clock))
        try:
            with Connection(wiring, transport) as connection:
                for number, _ in enumerate(connection.pages(case.name, call), 1):
                    if number >= pages:
                        break
        except ConnError as error:
            # Responses are compared even if the mapping fails; its error may quote a value, and is not shown.
            if not transport.rows:
                if _ends(error, has_responses=bool(observed)):
                    raise
                left_out.append((case.name.text, error.message))
        observed += transport.rows
    return observed, left_out


def _ends(error: ConnError, *, has_responses: bool) -> bool:
    """Return whether an error without a response affects the other operations too: a credential, or no connection."""
    return isinstance(error, CredentialError | VendorError) and not (
        has_responses and isinstance(error, TransportError)
    )


def _cases(workspace: Workspace, effective: Effective) -> list[Case]:
    names = effective.enabled_operations()
    cases = find_cases(workspace, effective, names)
    return [case for case in cases if case.scenario == "default"]
