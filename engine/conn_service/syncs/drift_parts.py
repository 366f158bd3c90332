"""What a check of drift needs of an account: the calls of its recordings, and how an operation is recorded again."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from conn_engine.analysis.drift.checking import CallComparison, RecordedCalls
from conn_engine.config import Workspace
from conn_engine.errors import ConfigurationError, CredentialError, InternalError
from conn_engine.personal import VARIABLE, load_key
from conn_engine.runtime.connection import Connection
from conn_engine.runtime.wiring import vault_of, wire_account
from conn_engine.syncs import DriftStep, SyncPlan, find_own_expressions
from conn_engine.testing.cases import SyntheticVault, recorded_call
from conn_engine.testing.personal import PersonalData
from conn_engine.testing.recorder import RecordedRun, record_operation
from conn_engine.wire import Clock, Request, Response
from conn_service.syncs.store import RunRow

if TYPE_CHECKING:
    from conn_engine.expressions.isolation import Isolation

__all__ = ["DriftParts", "open_without_credential"]


@dataclass(frozen=True)
class DriftParts:
    """What a run needs to check the drift of an account's connector. With `fault`, the account has no credential."""

    plan: SyncPlan
    connection: Connection
    workspace: Workspace
    environ: Mapping[str, str]
    fault: CredentialError | None = None

    @property
    def step(self) -> DriftStep:
        """What is compared."""
        return self.plan.drift or DriftStep()

    @cached_property
    def calls(self) -> RecordedCalls:
        """The calls of the recordings."""
        return RecordedCalls(self.workspace, self.connection.effective, self.step.operations)

    def compare(self, operation: str) -> CallComparison:
        """Send the call of an operation's recording again, and compare the responses."""
        if self.fault is not None:
            return CallComparison(operation, None, self.fault.message, self.fault)
        return self.calls.compare(operation, self.connection.wiring, self.connection.transport, self.step.pages)

    def record(self, operation: str) -> str:
        """Record an operation again over its recording, and return the path of the file. Raises ConnError if that is
        impossible; the recording stays as it was then."""
        case, wiring = self.calls.cases[operation], self.connection.wiring
        path = self.workspace.format_path(case.path)
        with _keeping_moment(self.connection):
            record_operation(
                wiring,
                case.name,
                recorded_call(case.recording),
                case.path,
                pages=case.recording.call.pages or max(len(case.recording.exchanges), 1),
                own=bool(case.recording.account),
                transport=_Unclosed(self.connection),
                check=_refuse_failed_run,
                placing={"within": self.workspace.root, "overwrite": True},
                personal=self._personal,
            )
        return path

    @cached_property
    def _personal(self) -> PersonalData | None:
        """How personal data is replaced, None to keep it. Raises ConfigurationError if the pseudonyms would be others
        in each run."""
        if self.workspace.settings.recordings.personal_data == "keep":
            return None
        key = load_key(vault_of(self.workspace, self.environ), self.environ, self.connection.wiring.redactor)
        if key.origin == "run":
            raise ConfigurationError(
                f"each recording would have other pseudonyms: {key.reason}",
                hint=f"set CONN_VAULT_KEY, or {VARIABLE}, to a long random text",
            )
        return PersonalData(key.pseudonyms)


class _Unclosed:
    """The transport of a connection, which stays open."""

    def __init__(self, connection: Connection) -> None:
        self._inner = connection.transport

    def send(self, request: Request) -> Response:
        return self._inner.send(request)

    def close(self) -> None:
        """Do nothing: the run closes its transport."""


class _NothingSent:
    """The transport of an account without a credential."""

    def send(self, request: Request) -> Response:
        raise InternalError("nothing can be sent without a credential")

    def close(self) -> None:
        """Do nothing."""


def open_without_credential(
    workspace: Workspace, run: RunRow, clock: Clock, *, isolation: "Isolation | None"
) -> Connection:
    """Return a connection that sends nothing, for the expressions of a run whose account has no credential."""
    vault = SyntheticVault(workspace.effective(account=run.account))
    own = find_own_expressions(workspace, run.sync)
    wiring = wire_account(
        workspace, run.account, environ={}, vault=vault, clock=clock, isolation=isolation, trusted=own
    )
    return Connection(wiring, _NothingSent())


@contextmanager
def _keeping_moment(connection: Connection) -> Iterator[None]:
    """Let a recording have a moment of its own, and continue with that of the run."""
    session = connection.wiring.session
    moment = session.now_ms
    try:
        yield
    finally:
        session.now_ms = moment


def _refuse_failed_run(ran: RecordedRun) -> None:
    if ran.fault is not None:
        raise ConfigurationError(f"the recording stays as it is: {ran.fault.message}", hint=ran.fault.hint)
