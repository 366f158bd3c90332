"""Wire an account: resolve its effective configuration and its credential, and build the session of its operations.

Replays do not use it.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from conn_engine.auth import CAPTURED, CredentialField, missing_parts
from conn_engine.conditions import DEFAULT_LIMITS, Chance, Conditions, EvaluationLimits
from conn_engine.config import Effective, Workspace
from conn_engine.errors import CredentialError, DisabledError
from conn_engine.responses.failures import Policy
from conn_engine.responses.ratelimit import Budgets, BudgetStore, has_budgets
from conn_engine.runtime.call import Run, Session
from conn_engine.secrets import Redactor, Vault
from conn_engine.secrets.vault import LayeredVault, WorkspaceVault, build_variable_name, open_vault
from conn_engine.transport.egress import Trust
from conn_engine.wire import MACHINE_CLOCK, Clock

if TYPE_CHECKING:
    from conn_engine.expressions.isolation import Isolation
    from conn_engine.transport.live import Live

__all__ = ["Wiring", "lacking_credential", "make_conditions", "vault_of", "wire_account"]


@dataclass(slots=True)
class Wiring:
    """Everything that a live run needs except a transport. `redactor` knows every secret of the run."""

    effective: Effective
    session: Session
    vault: Vault
    redactor: Redactor
    trust: Trust = field(default_factory=Trust)

    @property
    def run(self) -> Run:
        """The configuration and the session."""
        return Run(self.effective, self.session)

    @property
    def may_block(self) -> bool:
        """Whether a step of an operation may wait for something else than the vendor: the worker of an expression that
        is not the connector's, or the database that counts requests."""
        isolation, effective = self.session.conditions.isolation, self.effective
        if isolation is not None and not isolation.trusts(effective.own_expressions):
            return True
        return self.session.budgets.blocks and has_budgets(effective.data)

    def live(self) -> "Live":
        """Create a transport that sends requests."""
        from conn_engine.transport.live import Live

        return Live(self.redactor, trust=self.trust, clock=self.session.clock)


def vault_of(workspace: Workspace, environ: Mapping[str, str]) -> LayeredVault:
    """Open the vault with this workspace's credentials. Accounts of the same name in two workspaces stay separate."""
    return open_vault(environ, workspace=workspace.identity, place=workspace.place, accounts=workspace.accounts())


def wire_account(
    workspace: Workspace,
    account: str,
    *,
    environ: Mapping[str, str],
    vault: Vault | None = None,
    environment: str | None = None,
    policy: Policy | None = None,
    clock: Clock = MACHINE_CLOCK,
    redactor: Redactor | None = None,
    optional_credential: bool = False,
    needs_credential: bool = True,
    effective: Effective | None = None,
    seed: int | None = None,
    isolation: "Isolation | None" = None,
    trusted: Collection[str] = (),
    limits: EvaluationLimits = DEFAULT_LIMITS,
    budgets: BudgetStore | None = None,
) -> Wiring:
    """Resolve an account and its stored credential.

    With `optional_credential` (a dry run), a sample replaces a missing credential. Set `needs_credential` to False for
    incoming deliveries: a missing credential is then an error only where it is used. Pass `effective` if it is already
    resolved. With a `seed`, the same run sends the same bytes. `isolation` runs the expressions of overrides, except
    the `trusted` ones, and `limits` bound each evaluation. `budgets` counts the requests of several processes; by
    default, those of this workspace in this process share theirs.

    Raises UsageError for an unknown account, DisabledError for a disabled one, ConfigurationError for an override that
    widens authority, and CredentialError when the connector needs a credential and it, or a required part of it, is
    not stored.
    """
    workspace = workspace.of_account(account)
    if not workspace.account(account).enabled:
        place = workspace.format_path(workspace.file("account", account).path)
        raise DisabledError(
            f'the account "{account}" is disabled', disabled=account, hint=f"remove `enabled: false` from {place}"
        )
    if effective is None:
        effective = workspace.effective(account=account, environment=environment)
    effective.check_authority()
    literals = effective.literals  # of the configuration that the caller keeps, so that they are found once
    effective = effective.with_conditions(
        make_conditions(effective, clock, seed, isolation=isolation, trusted=trusted, limits=limits)
    )
    vault = vault or vault_of(workspace, environ)
    redactor = redactor or Redactor()
    document = _load_document(vault, account, effective)
    fields = effective.connector.credentials.fields() if effective.connector.credentials is not None else []
    needed = [part for part in fields if part.required]
    if document is None and needed and optional_credential:
        document = effective.connector.credentials.sample(1) if effective.connector.credentials else {}
    missing = missing_parts(needed, document)
    if missing and needs_credential and (document is None or effective.is_bound):
        raise lacking_credential(vault.kind, account, document, missing)
    effective.learn((document or {}).get(CAPTURED))
    redactor.add_document(document or {})
    for name in effective.env_names:
        if environ.get(name):
            redactor.add(environ[name], name)
    for path, value in literals:  # lint reports them; a trace or an error must not show them
        if len(value) >= 8:
            redactor.add(value, f"the literal {path[-1]}")
    session = Session(
        account,
        document or {},
        environ,
        clock,
        policy or Policy(),
        budgets=budgets if budgets is not None else Budgets(workspace.budgets),
        redactor=redactor,
        conditions=effective.conditions,
    )
    return Wiring(effective, session, vault, redactor, workspace.trust)


def make_conditions(
    effective: Effective,
    clock: Clock,
    seed: int | None = None,
    *,
    isolation: "Isolation | None" = None,
    trusted: Collection[str] = (),
    limits: EvaluationLimits = DEFAULT_LIMITS,
) -> Conditions:
    """Build the conditions of a live session. Expressions of the connector are trusted, and the `trusted` ones; those
    of overrides are not."""
    isolated = isolation.isolate_except(effective.base_expressions.union(trusted)) if isolation is not None else None
    return Conditions(clock, Chance(seed), effective.evaluator, isolated, limits)


def _load_document(vault: Vault, account: str, effective: Effective) -> dict[str, Any] | None:
    """Load the account's document. A stored credential is sent only to the hosts that it was stored for. If an earlier
    release stored it without hosts, it is bound to the hosts of its first use."""
    if not isinstance(vault, LayeredVault | WorkspaceVault):
        return vault.load(account)
    stored = vault.find(account)
    if stored is None:
        return None
    if stored.issue is not None:
        hosts = stored.issue.hosts
        if hosts is None:
            hosts = effective.issued_hosts()
            vault.mark(account, hosts=hosts)
        effective.bind(hosts)
    return stored.document


def lacking_credential(
    vault_kind: str, account: str, document: Mapping[str, Any] | None, missing: Sequence[CredentialField]
) -> CredentialError:
    """Build the error for a missing or incomplete credential, with a fix that depends on what is stored."""
    variables = ", ".join(build_variable_name(account, part.name) for part in missing)
    if document:
        names = ", ".join(part.name for part in missing)
        return CredentialError(
            f'the credential of account "{account}" is incomplete: it lacks {names}',
            hint=f"conn auth set {account} {missing[0].name}",
            category="missing",
        )
    if vault_kind == "environment":
        return CredentialError(
            f'account "{account}" has no credential in the environment',
            hint=f"set {variables}; or set CONN_VAULT_KEY, then run conn auth login {account}",
            category="missing",
        )
    return CredentialError(
        f'account "{account}" has no credential in the {vault_kind}',
        hint=f"conn auth login {account}{' --store URL' if vault_kind == 'database' else ''}; or set {variables}",
        category="missing",
    )
