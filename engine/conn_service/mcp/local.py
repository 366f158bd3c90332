"""A session for an agent on this machine, without a service and its tokens: for an account of a workspace, or of the
database of a service."""

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from conn_engine.config import OperationName, Workspace
from conn_engine.releases.store_location import StoreLocation
from conn_engine.responses.ratelimit import BudgetStore
from conn_engine.runtime.wiring import vault_of
from conn_engine.secrets import Vault
from conn_engine.wire import Clock
from conn_service.http.accounts import KeptConnections, WorkspaceConfiguration
from conn_service.http.idempotency import KeptAnswer
from conn_service.http.request_record import RequestRecord
from conn_service.http.single_writes import SingleWrites
from conn_service.http.unified import UnifiedApi
from conn_service.mcp.confirmations import Confirmations, create_signing_key
from conn_service.mcp.session import AGENT_WORDS, AgentSession, build_agent_account
from conn_service.revisions import RevisionStore, with_revisions
from conn_service.store import WorkerVault, open_budgets, open_engine, translate_errors

if TYPE_CHECKING:
    from conn_engine.expressions.isolation import Isolation

__all__ = ["SessionParts", "open_local_session", "open_stored_parts"]


@dataclass(frozen=True, slots=True)
class AnswerMemory:
    """The results of writes, for the life of this process. Threads may share it."""

    answers: dict[tuple[str, str], tuple[str, KeptAnswer]] = field(default_factory=dict)

    def take(self, account: str, key: str, print_: str, now: float) -> KeptAnswer:
        """Take a key for a request, or return what is known of it."""
        mine = print_, KeptAnswer("open")
        known = self.answers.setdefault((account, key), mine)
        if known is mine:
            return KeptAnswer("new")
        return known[1] if known[0] == print_ else KeptAnswer("other")

    def keep(self, account: str, key: str, status: int, data: Any) -> None:
        """Store the answer of a request."""
        self.answers[account, key] = self.answers[account, key][0], KeptAnswer("done", status, data)

    def release(self, account: str, key: str) -> None:
        """Forget a key whose request has surely not changed anything."""
        self.answers.pop((account, key), None)


@dataclass(frozen=True, slots=True)
class SessionParts:
    """What a session uses: the workspace and the vault of this machine, or those of a service with the database at
    `location`, where other processes count requests, too. `isolation` runs the expressions that accounts set."""

    workspace: Workspace
    vault: Vault
    isolation: "Isolation | None" = None
    budgets: BudgetStore | None = None
    location: StoreLocation = field(default_factory=StoreLocation)


@contextmanager
def open_stored_parts(
    workspace: Workspace, location: StoreLocation, environ: Mapping[str, str], clock: Clock
) -> Iterator[SessionParts]:
    """Open what a service of this workspace uses: with the accounts and connectors of its database over the workspace,
    and the credentials there. Raises the errors of the database."""
    from conn_service.syncs.opening import open_isolation

    with translate_errors(location):
        engine, isolation = open_engine(location), open_isolation()
        try:
            revised = with_revisions(workspace, RevisionStore(engine).find_changed())
            vault = WorkerVault(vault_of(revised, environ), engine, revised, environ)
            yield SessionParts(revised, vault, isolation, open_budgets(engine, clock), location)
        finally:
            if isolation is not None:
                isolation.close()
            engine.dispose()


@asynccontextmanager
async def open_local_session(
    parts: SessionParts, account: str, environ: Mapping[str, str], clock: Clock, *, writes: bool = False
) -> AsyncIterator[AgentSession]:
    """Yield the tools of an account. Raises the errors of `wire_account`, such as CredentialError if the account has
    not logged in."""
    record = RequestRecord("", "")

    def permit(operation: OperationName, connector: str, is_write: bool) -> None:
        record.operation, record.connector = operation.text, connector

    source = WorkspaceConfiguration(parts.workspace)
    async with KeptConnections(
        source, parts.vault, environ, clock=clock, isolation=parts.isolation, budgets=parts.budgets
    ) as connections:
        async with connections.use(account):
            known = build_agent_account("", parts.workspace.effective(account=account))
        yield AgentSession(
            known,
            UnifiedApi(connections, words=AGENT_WORDS),
            SingleWrites(AnswerMemory(), clock, parts.location),
            Confirmations(create_signing_key(), clock),
            permit,
            writes=writes,
            widening="start conn mcp with --allow-writes",
            record=record,
        )
