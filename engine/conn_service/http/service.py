"""Put the parts of a service together, and take them apart at its end."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace

from sqlalchemy.engine import Engine
from starlette.applications import Starlette
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from conn_engine.analysis.impact.live import LiveEvaluation
from conn_engine.conditions import DEFAULT_LIMITS, EvaluationLimits
from conn_engine.expressions.isolation import Isolation
from conn_engine.releases.store_location import StoreLocation
from conn_engine.runtime.wiring import vault_of
from conn_engine.secrets import Vault
from conn_engine.wire import MACHINE_CLOCK, Clock
from conn_service.connect.account_connector import AccountConnector
from conn_service.connect.account_creation import AccountCreation
from conn_service.connect.completion import LoginCompletion
from conn_service.connect.connect_service import ConnectService
from conn_service.connect.links import LinkStore
from conn_service.connect.needs_login import LoginMonitor
from conn_service.connect.settings import ConnectSettings
from conn_service.delivery import DeliveryStore, EndpointSecrets
from conn_service.http.accounts import ConfigurationSource, KeptConnections
from conn_service.http.admin import AdminGate, build_audit_routes
from conn_service.http.admin_endpoints import build_endpoint_routes
from conn_service.http.admin_revisions import build_revision_routes
from conn_service.http.answers import problem_handlers
from conn_service.http.app import create_app
from conn_service.http.callers import Callers
from conn_service.http.channel import ChannelConfiguration
from conn_service.http.connect_pages import build_connect_routes, build_link_routes
from conn_service.http.docs_page import build_docs_routes
from conn_service.http.documents import build_document_routes
from conn_service.http.health import DrainState, ServiceHealth, build_health_routes
from conn_service.http.idempotency import IdempotencyStore
from conn_service.http.metrics import ServiceMetrics
from conn_service.http.observing import observe_connection
from conn_service.http.proxy import build_proxy_routes
from conn_service.http.reading import ServiceLimits
from conn_service.http.rollouts import build_rollout_routes
from conn_service.http.single_writes import SingleWrites
from conn_service.http.tenant_turns import TenantTurns
from conn_service.http.tokens import TokenStore
from conn_service.http.tracing import NO_TRACES, Traces
from conn_service.http.unified import UnifiedApi
from conn_service.http.webhooks import DeliveryInbox, build_webhook_routes
from conn_service.inbox import ArrivalWriter, InboxQueue, InboxStore
from conn_service.revisions import (
    AuditLog,
    Changes,
    CredentialRemoval,
    IsolatedChecks,
    RevisedConfiguration,
    RevisionStore,
    remove_credential,
)
from conn_service.rollouts import RolloutStore, RolloutWatch
from conn_service.store import WorkerVault, open_budgets, open_engine, translate_errors
from conn_service.syncs.waking import wake_waiting_runs

__all__ = ["Deployment", "ServiceApps", "ServiceParts", "open_service"]

_ISOLATED_WORKERS = 4
"""One account uses at most two of them at once (see `AsyncConnection`)."""
_EVALUATION = replace(DEFAULT_LIMITS, seconds=1.0)
"""A caller waits for the response, and other accounts for the worker."""


@dataclass(frozen=True, slots=True)
class ServiceParts:
    """The parts that further routes use. `public_url` is the address of the service, if it is known, and `connect` has
    the pages for customers there. What `closers` has is awaited when the service ends."""

    unified: UnifiedApi
    callers: Callers
    once: SingleWrites
    engine: Engine
    limits: ServiceLimits
    clock: Clock
    public_url: str | None
    changes: Changes
    logins: LoginMonitor
    connect: ConnectService | None
    environ: Mapping[str, str]
    closers: list[Callable[[], Awaitable[None]]] = field(default_factory=list)

    @property
    def audit(self) -> AuditLog:
        """The log of what people did."""
        return self.changes.configuration.store.audit


@dataclass(frozen=True, slots=True)
class Deployment:
    """What a service is made of. `evaluation` bounds each expression; those that accounts set run in processes of their
    own, which are killed. Without a `vault`, it is that of a worker of syncs with the same store. `connect` is what
    the pages for customers need; without it, the service has no such pages. `more_routes` returns those of packages
    that use this one.
    """

    source: ConfigurationSource
    store: StoreLocation
    vault: Vault | None
    environ: Mapping[str, str]
    clock: Clock = MACHINE_CLOCK
    limits: ServiceLimits = field(default_factory=ServiceLimits)
    evaluation: EvaluationLimits = _EVALUATION
    connect: ConnectSettings | None = None
    has_docs_page: bool = True
    drain: DrainState = field(default_factory=DrainState)
    traces: Traces = NO_TRACES
    more_routes: Callable[[ServiceParts], Sequence[BaseRoute]] = lambda parts: ()


@dataclass(frozen=True, slots=True)
class ServiceApps:
    """The application of the service, one for a port of its own that only reports its state, the configuration that
    they use, and what watches a rollout of it."""

    app: ASGIApp
    monitor: ASGIApp
    source: ConfigurationSource
    watch: RolloutWatch

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.app(scope, receive, send)


@contextmanager
def open_service(deployment: Deployment) -> Iterator[ServiceApps]:
    """Open the store and yield the application. Raises ServiceStoreError if the store cannot be used."""
    with ExitStack() as stack:
        stack.enter_context(translate_errors(deployment.store))
        engine = open_engine(deployment.store)
        stack.callback(engine.dispose)
        source = RevisedConfiguration(deployment.source, RevisionStore(engine))
        if isinstance(deployment.source, ChannelConfiguration):
            deployment.source.judge_with(source)
        isolation = stack.enter_context(Isolation(workers=_ISOLATED_WORKERS))
        vault = deployment.vault or _open_vault(deployment, engine)
        metrics, traces = ServiceMetrics(), deployment.traces
        logins = LoginMonitor(engine, deployment.environ, deployment.connect)
        budgets = open_budgets(engine, deployment.clock)
        watch = RolloutWatch(
            RolloutStore(engine),
            lambda: source.get_current()[1],
            deployment.source.halt_rollout,
            LiveEvaluation(isolation, deployment.evaluation),
        )
        stack.callback(watch.close)
        connections = KeptConnections(
            source,
            vault,
            deployment.environ,
            clock=deployment.clock,
            budgets=budgets,
            isolation=isolation,
            limits=deployment.evaluation,
            observe=lambda connection: observe_connection(connection, metrics, traces),
            logins=logins,
        )
        callers = Callers(TokenStore(engine), source, deployment.clock, budgets, deployment.limits.store_seconds)
        pages = build_docs_routes() if deployment.has_docs_page else []
        gate = AdminGate(callers, source.store.audit)
        connector = AccountConnector(vault, deployment.environ, deployment.clock, isolation, deployment.evaluation)
        checks = stack.enter_context(IsolatedChecks(deployment.limits.check_seconds))
        changes = Changes(source, deployment.clock, checks.run)
        connect = _build_connect_service(deployment, engine, connections, connector, logins, changes)
        public_url = None if deployment.connect is None else deployment.connect.public_url
        arrivals = ArrivalWriter(InboxStore(engine).engine, InboxQueue(engine).enqueue_all)
        stack.callback(arrivals.close)
        inbox = DeliveryInbox(
            source,
            arrivals,
            deployment.environ,
            vault,
            deployment.clock,
            isolation,
            deployment.evaluation,
            public_url,
        )

        secrets = EndpointSecrets(engine, deployment.environ, deployment.clock)

        def forget(account: str) -> CredentialRemoval:
            removal = remove_credential(vault, account)
            secrets.remove_account(account)
            logins.note_working(account)  # nobody has to log in to it any more
            return removal

        unified = UnifiedApi(connections, metrics.count_page, watch=watch.follow)
        once = SingleWrites(IdempotencyStore(engine), deployment.clock, deployment.store)
        parts = ServiceParts(
            unified,
            callers,
            once,
            engine,
            deployment.limits,
            deployment.clock,
            public_url,
            changes,
            logins,
            connect,
            deployment.environ,
        )
        health = ServiceHealth(engine, deployment.store, source, vault, deployment.drain)
        app = create_app(
            unified,
            callers,
            once,
            metrics=metrics,
            traces=traces,
            routes=[
                *build_health_routes(health, metrics, callers),
                *build_document_routes(callers),
                *pages,
                *build_proxy_routes(callers, connections, deployment.limits),
                *build_audit_routes(gate),
                *build_rollout_routes(gate, watch, lambda: source.get_current()[1], deployment.clock),
                *build_link_routes(gate, connect, LinkStore(engine), logins, deployment.limits),
                *build_connect_routes(connect, deployment.limits),
                *build_webhook_routes(inbox, deployment.limits),
                *build_revision_routes(gate, changes, forget, deployment.limits, TenantTurns(checks.workers)),
                *build_endpoint_routes(gate, DeliveryStore(engine), secrets, deployment.limits),
                *deployment.more_routes(parts),
            ],
            limits=deployment.limits,
            stop_work=checks.close,
            closers=parts.closers,
        )
        monitor = Starlette(
            routes=build_health_routes(health, metrics, callers, needs_token=False),
            exception_handlers=problem_handlers(deployment.store, shows_vendor=False),
        )
        yield ServiceApps(app, monitor, source, watch)


def _open_vault(deployment: Deployment, engine: Engine) -> Vault:
    """Open the vault once for the life of this process, so that each of its keys is derived once."""
    _, workspace = deployment.source.get_current()
    return WorkerVault(vault_of(workspace, deployment.environ), engine, workspace, deployment.environ)


def _build_connect_service(  # noqa: PLR0917
    deployment: Deployment,
    engine: Engine,
    connections: KeptConnections,
    connector: AccountConnector,
    logins: LoginMonitor,
    changes: Changes,
) -> ConnectService | None:
    if deployment.connect is None:
        return None

    async def note_connected(account: str) -> None:
        await connections.forget(account)
        await asyncio.to_thread(logins.note_working, account)
        await asyncio.to_thread(wake_waiting_runs, engine, account)

    completion = LoginCompletion(LinkStore(engine), connector, AccountCreation(changes), note_connected)
    return ConnectService(
        completion,
        deployment.connect,
        lambda: connections.source.get_current()[1],
        seconds=deployment.limits.request_seconds,
        shows_vendor=deployment.limits.shows_vendor_errors,
    )
