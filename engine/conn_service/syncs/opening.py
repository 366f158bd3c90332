"""Open runs in this process, and keep them open between pages."""

import os
import shlex
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from conn_engine.conditions import DEFAULT_LIMITS, EvaluationLimits
from conn_engine.config import Workspace
from conn_engine.diagnostics import pluralize
from conn_engine.errors import ConfigurationError, ConnError, CredentialError
from conn_engine.releases.store_location import StoreLocation
from conn_engine.responses.failures import Policy
from conn_engine.responses.ratelimit import BudgetStore
from conn_engine.runtime.connection import Connection
from conn_engine.runtime.wiring import Wiring, vault_of, wire_account
from conn_engine.secrets import Vault
from conn_engine.secrets.vault.choice import LayeredVault
from conn_engine.secrets.vault.environment import build_variable_prefix
from conn_engine.syncs import SyncPlan, find_own_expressions, load_sync
from conn_engine.wire import Clock
from conn_service.delivery.stored_secrets import EndpointSecrets
from conn_service.rollouts import RolloutWatch, RunTransport
from conn_service.store import WorkerVault
from conn_service.syncs.connector_digests import digest_connector
from conn_service.syncs.open_run import OpenRun
from conn_service.syncs.phases import compile_run, list_phases
from conn_service.syncs.store import RunRow, SyncStore
from conn_service.syncs.targets import find_endpoint_of_run, find_target
from conn_service.syncs.transports import LentTransport, TransportPool

if TYPE_CHECKING:
    from conn_engine.expressions.isolation import Isolation
    from conn_service.syncs.drift_parts import DriftParts

__all__ = [
    "OpenRuns",
    "PlanChangedError",
    "ReleaseLookup",
    "compile_for_run",
    "find_release_of",
    "open_isolation",
]

_EVALUATORS = 4
"""How many expressions of accounts are evaluated at the same time. One that never ends keeps one of them busy until it
is stopped."""

LONGEST_PAUSE = 10.0
"""Seconds that a worker waits in place; for a longer pause, the run makes room for others."""

_UNUSED_SECONDS = 1800.0
"""After so long without a page, a run is not read here any more."""


class ReleaseLookup(Protocol):
    """Where a worker finds the configuration of a run. `root` is the folder that relative destinations start at."""

    root: Path

    def get_current(self) -> tuple[str, Workspace]:
        """Return the release that most accounts use, and its workspace; "" for a folder. What the workspace has of an
        account is that of the release that the account uses."""
        ...

    def get_workspace(self, release: str) -> Workspace:
        """Return the workspace of a release that a run began with."""
        ...


def find_release_of(releases: ReleaseLookup, account: str) -> tuple[str, Workspace]:
    """Return the release to begin new runs of an account with, and its workspace."""
    release, workspace = releases.get_current()
    workspace = workspace.of_account(account)
    return workspace.release or release, workspace


class OpenRuns:
    """The runs that this process reads. `connect` makes the connection of a wired account."""

    def __init__(
        self,
        store: SyncStore,
        releases: ReleaseLookup,
        *,
        environ: Mapping[str, str],
        clock: Clock,
        vault: Vault | None = None,
        connect: Callable[[Wiring], Connection] | None = None,
        isolation: "Isolation | None" = None,
        budgets: BudgetStore | None = None,
        limits: EvaluationLimits = DEFAULT_LIMITS,
        watch: RolloutWatch | None = None,
    ) -> None:
        self._limits = limits
        self._watch = watch
        self._isolation = isolation or open_isolation()
        self._budgets = budgets
        self._store = store
        self._releases = releases
        self._environ = environ
        self._clock = clock
        self._vault = vault
        self._secrets = EndpointSecrets(store.engine, environ, clock)
        self._vaults: dict[tuple[str, ...], LayeredVault] = {}
        self._connect = connect
        self.transports = TransportPool(clock)
        self._open: dict[str, OpenRun] = {}

    def get(self, run: RunRow) -> OpenRun:
        """Return a run at the place where the store has it, and open it if it is not. Raises the errors of
        `wire_account`."""
        opened = self._open.get(run.id)
        if opened is None or opened.seq != run.seq:
            self.close(run.id)
            self._close_unused()
            opened = self._open[run.id] = self._open_run(run)
        opened.used_at = self._clock.now()
        return opened

    def _open_vault(self, workspace: Workspace, account: str) -> Vault:
        """Return the vault of a workspace: one for the life of this process, so that each key is derived once.

        Raises ConfigurationError for a credential that would be lost when it is renewed."""
        if self._vault is not None:
            return self._vault
        owner = (workspace.identity, workspace.place, *workspace.accounts())
        vault = self._vaults.get(owner)
        if vault is None:
            local = vault_of(workspace, self._environ)
            vault = self._vaults[owner] = WorkerVault(local, self._store.engine, workspace, self._environ)
        if vault.environment.has_refresh_token(account):
            prefix = build_variable_prefix(account)
            raise ConfigurationError(
                f'the refresh token of "{account}" is in the environment ({prefix}*), where a renewed one is lost with '
                f"the process: unset the variables, set CONN_VAULT_KEY, and store it: conn auth login {account}",
                hint="a vault that is an encrypted file keeps renewed tokens",
            )
        return vault

    def find_store_option(self, run: RunRow) -> str:
        """Return the option of `conn auth` for a credential that every worker of the store uses, "" for one of this
        machine: the account's is in the database, or there may be several machines."""
        engine = self._store.engine
        try:
            vault = self._open_vault(self._releases.get_workspace(run.release), run.account)
        except ConnError:
            return ""
        if not isinstance(vault, WorkerVault) or not vault.stores_login(run.account):
            return ""
        address = engine.url.database if engine.dialect.name == "sqlite" else StoreLocation(url=engine.url).public_text
        return f" --store {shlex.quote(str(address))}"

    def _open_run(self, run: RunRow) -> OpenRun:
        workspace = self._releases.get_workspace(run.release)
        plan = compile_for_run(workspace, run, reads=run.phase != "end")
        connection, lent, fault = self._try_connection(plan, workspace, run)
        connection.wiring.session.now_ms = int(run.began * 1000)
        watch = self._watch if run.release else None  # a folder has no rollout
        if watch is not None:
            connection.transport = RunTransport(connection.transport)
        stream = self._store.streams.get(run.sync, run.account, run.target_digest)
        has_begun = run.seq > 0
        if has_begun:
            self._store.add_log_line(run, "open", f"opened again after {pluralize(run.seq, 'stored page')}")
        endpoint = find_endpoint_of_run(workspace, run, find_target(run, plan), self._secrets)
        return OpenRun(
            plan,
            connection,
            stream,
            run.seq,
            count_requests=(lambda: 0) if lent is None else lent.take_sent,
            drift=None if plan.drift is None else self._open_drift(plan, connection, workspace, fault),
            is_reopened=has_begun,
            is_restarted=has_begun and run.place.get("cursor") is None,
            endpoint_key="" if endpoint is None else endpoint.key,
            watch=watch,
        )

    def _try_connection(
        self, plan: SyncPlan, workspace: Workspace, run: RunRow
    ) -> tuple[Connection, LentTransport | None, CredentialError | None]:
        """Open the connection of a run. A check of drift reports that there is no credential: it gets a connection that
        sends nothing, and the error."""
        try:
            return *self._open_connection(workspace, run), None
        except CredentialError as error:
            if plan.drift is None:
                raise
            from conn_service.syncs.drift_parts import open_without_credential

            return open_without_credential(workspace, run, self._clock, isolation=self._isolation), None, error

    def _open_drift(
        self, plan: SyncPlan, connection: Connection, workspace: Workspace, fault: CredentialError | None
    ) -> "DriftParts":
        from conn_service.syncs.drift_parts import DriftParts

        return DriftParts(plan, connection, workspace, self._environ, fault)

    def _open_connection(self, workspace: Workspace, run: RunRow) -> tuple[Connection, LentTransport]:
        vault = self._open_vault(workspace, run.account)
        lent = self.transports.borrow((workspace.identity, workspace.place, workspace.trust, run.release, run.account))
        try:
            wiring = wire_account(
                workspace,
                run.account,
                environ=self._environ,
                vault=vault,
                policy=Policy(wait=True, max_wait_seconds=LONGEST_PAUSE),
                clock=self._clock,
                redactor=lent.redactor,
                isolation=self._isolation,
                trusted=find_own_expressions(workspace, run.sync),
                budgets=self._budgets,
                limits=self._limits,
            )
            if self._connect is not None:
                lent.close()
                return self._connect(wiring), lent
            lent.connect(wiring.live)
        except BaseException:
            lent.close()
            raise
        return Connection(wiring, lent), lent

    def _close_unused(self) -> None:
        """Close the runs that another worker has continued, or that nothing continues here."""
        before = self._clock.now() - _UNUSED_SECONDS
        for name, opened in [*self._open.items()]:
            if opened.used_at < before:
                self.close(name)

    def count_requests(self, run_id: str) -> int:
        """Return how many requests a run has sent since its last page."""
        opened = self._open.get(run_id)
        return 0 if opened is None else opened.count_requests()

    def close(self, run_id: str | None = None) -> None:
        """Close one run, or all."""
        for name in [run_id] if run_id is not None else list(self._open):
            opened = self._open.pop(name, None)
            if opened is not None:
                opened.close()
        if run_id is None:
            self.transports.close()
            if self._isolation is not None:
                self._isolation.close()


class PlanChangedError(ConfigurationError):
    """The sync or the connector of a run was changed since the run began. `plan`, `connector` and `phase` are what it
    would begin with now."""

    def __init__(self, run: RunRow, what: str, *, plan: str, connector: str, phase: str) -> None:
        super().__init__(
            f"{what} was changed after the run began, and a run uses one plan",
            hint=f"run it again, which continues after the last complete run: conn sync run {run.sync} --account "
            f"{run.account}",
        )
        self.plan, self.connector, self.phase = plan, connector, phase


def compile_for_run(workspace: Workspace, run: RunRow, *, reads: bool = False) -> SyncPlan:
    """Return the plan of a run. Raises PlanChangedError if it is not the one that the run began with: half of the
    records would be treated by another one. With `reads`, that is also so for the connector."""
    sync = load_sync(workspace, run.sync, run.account)
    plan = compile_run(workspace, sync, run.settings)
    connector = ""
    if run.connector and reads:
        connector = digest_connector(workspace.effective(account=run.account), plan)
    what = f'the sync "{run.sync}"' if run.plan not in ("", sync.digest) else ""
    if not what and connector not in ("", run.connector):
        what = f'the connector "{plan.connector}", or what "{run.account}" overrides of it,'
    if what:
        raise PlanChangedError(run, what, plan=sync.digest, connector=connector, phase=list_phases(plan)[0])
    return plan


def open_isolation() -> "Isolation | None":
    """Return where the expressions that accounts and environments set are evaluated: processes with limited time and
    memory, which start when they are first needed. None on Windows, which does not have them."""
    if os.name != "posix":
        return None
    from conn_engine.expressions.isolation import Isolation

    return Isolation(workers=_EVALUATORS)
