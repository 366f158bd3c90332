"""A session for an agent on this machine: an account of a workspace, without a service, its database and its tokens."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from conn_engine.config import OperationName, Workspace
from conn_engine.releases.store_location import StoreLocation
from conn_engine.secrets import Vault
from conn_engine.wire import Clock
from conn_service.http.accounts import KeptConnections, WorkspaceConfiguration
from conn_service.http.idempotency import KeptAnswer
from conn_service.http.request_record import RequestRecord
from conn_service.http.single_writes import SingleWrites
from conn_service.http.unified import UnifiedApi
from conn_service.mcp.confirmations import Confirmations, create_signing_key
from conn_service.mcp.session import AGENT_WORDS, AgentSession, build_agent_account

__all__ = ["open_local_session"]


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


@asynccontextmanager
async def open_local_session(
    workspace: Workspace, account: str, vault: Vault, environ: Mapping[str, str], clock: Clock, *, writes: bool = False
) -> AsyncIterator[AgentSession]:
    """Yield the tools of an account. Raises the errors of `wire_account`, such as CredentialError if the account has
    not logged in."""
    record = RequestRecord("", "")

    def permit(operation: OperationName, connector: str, is_write: bool) -> None:
        record.operation, record.connector = operation.text, connector

    source = WorkspaceConfiguration(workspace)
    async with KeptConnections(source, vault, environ, clock=clock) as connections:
        async with connections.use(account):
            known = build_agent_account("", workspace.effective(account=account))
        yield AgentSession(
            known,
            UnifiedApi(connections, words=AGENT_WORDS),
            SingleWrites(AnswerMemory(), clock, StoreLocation()),
            Confirmations(create_signing_key(), clock),
            permit,
            writes=writes,
            widening="start conn mcp with --allow-writes",
            record=record,
        )
