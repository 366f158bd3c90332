"""Put the parts of a service together, and take them apart at its end."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from starlette.types import ASGIApp

from conn_engine.conditions import DEFAULT_LIMITS, EvaluationLimits
from conn_engine.expressions.isolation import Isolation
from conn_engine.releases.store_location import StoreLocation
from conn_engine.secrets import Vault
from conn_engine.wire import MACHINE_CLOCK, Clock
from conn_service.http.accounts import ConfigurationSource, KeptConnections
from conn_service.http.admin import AdminGate, build_audit_routes
from conn_service.http.app import create_app
from conn_service.http.callers import Callers
from conn_service.http.idempotency import IdempotencyStore
from conn_service.http.reading import ServiceLimits
from conn_service.http.tokens import TokenStore
from conn_service.http.unified import UnifiedApi
from conn_service.revisions import AuditLog
from conn_service.store import open_engine

__all__ = ["Deployment", "open_service"]

_ISOLATED_WORKERS = 2


@dataclass(frozen=True, slots=True)
class Deployment:
    """What a service is made of. `evaluation` bounds each expression; those that accounts set run in processes of their
    own, which are killed."""

    source: ConfigurationSource
    store: StoreLocation
    vault: Vault
    environ: Mapping[str, str]
    clock: Clock = MACHINE_CLOCK
    limits: ServiceLimits = field(default_factory=ServiceLimits)
    evaluation: EvaluationLimits = DEFAULT_LIMITS


@contextmanager
def open_service(deployment: Deployment) -> Iterator[ASGIApp]:
    """Open the store and yield the application. Raises ServiceStoreError if the store cannot be used."""
    with ExitStack() as stack:
        engine = open_engine(deployment.store)
        stack.callback(engine.dispose)
        isolation = stack.enter_context(Isolation(workers=_ISOLATED_WORKERS))
        connections = KeptConnections(
            deployment.source,
            deployment.vault,
            deployment.environ,
            clock=deployment.clock,
            isolation=isolation,
            limits=deployment.evaluation,
        )
        callers = Callers(TokenStore(engine), deployment.source, deployment.clock)
        gate = AdminGate(callers, AuditLog(engine))
        yield create_app(
            UnifiedApi(connections),
            callers,
            IdempotencyStore(engine),
            routes=build_audit_routes(gate),
            limits=deployment.limits,
            clock=deployment.clock,
        )
