"""Answers of the vendor itself: the recorded calls of operations that only read, asked again, a few pages each."""

import json
from collections.abc import Mapping
from typing import Any

from msgspec import UNSET

from conn_engine.analysis.drift.forms import Observed
from conn_engine.config import Effective, Workspace
from conn_engine.errors import ConnError, CredentialError, TransportError, UsageError, VendorError
from conn_engine.runtime.connection import Connection, wire_account
from conn_engine.runtime.plans import may_write
from conn_engine.secrets import Redactor
from conn_engine.testing.cases import Case, find_cases, recorded_call
from conn_engine.transport.live import Live
from conn_engine.wire import MACHINE_CLOCK, Clock, Request, Response

__all__ = ["live_answers"]


class _Kept:
    """The live transport, keeping what the operation's own requests were answered."""

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


def live_answers(
    workspace: Workspace,
    effective: Effective,
    *,
    environ: Mapping[str, str],
    redactor: Redactor,
    pages: int,
    clock: Clock = MACHINE_CLOCK,
) -> tuple[list[Observed], list[tuple[str, str]]]:
    """Exchanges with the account's vendor, and (operation, reason) of what was not asked. Nothing that writes is sent.

    Raises UsageError when nothing is recorded that could be asked again, CredentialError when the account has none.
    """
    asked: list[Observed] = []
    left_out: list[tuple[str, str]] = []
    cases = _cases(workspace, effective)
    if not cases:
        raise UsageError("nothing is recorded that could be asked again", hint="record something first: conn record")
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
            left_out.append((case.name.text, "it writes"))
            continue
        transport = _Kept(Live(redactor, trust=workspace.trust, clock=clock))
        try:
            with Connection(wiring, transport) as connection:
                for number, _ in enumerate(connection.pages(case.name, call), 1):
                    if number >= pages:
                        break
        except ConnError as error:
            # What was answered is compared, whatever the mapping makes of it: its error may quote a value.
            if not transport.rows:
                if _ends(error, asked=bool(asked)):
                    raise
                left_out.append((case.name.text, error.message))
        asked += transport.rows
    return asked, left_out


def _ends(error: ConnError, *, asked: bool) -> bool:
    """Whether an error before any answer concerns the other operations too: a credential, or nobody at the address."""
    return isinstance(error, CredentialError | VendorError) and not (asked and isinstance(error, TransportError))


def _cases(workspace: Workspace, effective: Effective) -> list[Case]:
    names = effective.operations()
    found = find_cases(workspace, effective, names)
    return [case for case in found if case.scenario == "default"]
