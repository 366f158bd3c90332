"""Where a run delivers: what the caller names, else what the sync says."""

from typing import cast

from conn_engine.config import Workspace
from conn_engine.config.sync_models import EventTarget
from conn_engine.errors import ConfigurationError
from conn_engine.syncs import DeliverStep, SyncPlan
from conn_engine.syncs.planned_steps import check_file_format
from conn_service.delivery.endpoints import ResolvedEndpoint, check_endpoint_url, find_endpoint
from conn_service.delivery.stored_secrets import EndpointSecrets
from conn_service.syncs.store import RunRow

__all__ = ["find_endpoint_of_run", "find_target", "parse_target"]


def find_target(run: RunRow, plan: SyncPlan) -> DeliverStep | None:
    """Return where a run delivers, None if it only writes. Raises ConfigurationError for an invalid destination."""
    text = run.settings.get("to")
    return parse_target(str(text), plan) if text else plan.deliver


def find_endpoint_of_run(
    workspace: Workspace, run: RunRow, target: DeliverStep | None, secrets: EndpointSecrets
) -> ResolvedEndpoint | None:
    """Return the endpoint that a run delivers to, None if it does not. Raises ConfigurationError if it is
    not configured."""
    if target is None or target.type != "webhook":
        return None
    environment = workspace.account(run.account).environment or workspace.settings.default_environment
    try:
        return find_endpoint(
            workspace,
            target.endpoint,
            account=run.account,
            environment=environment,
            environ=secrets.environ,
            stored=secrets.find,
        )
    except ConfigurationError as error:
        if run.cause == "manual" and error.hint and not run.settings.get("to"):
            error.hint = f"{error.hint}; or pass --to"
        raise


def parse_target(text: str, plan: SyncPlan) -> DeliverStep:
    """Return the destination that a text such as `duckdb:FILE` names, with the event and the table of the plan."""
    own = plan.deliver
    table = own.table if own is not None else plan.fetch.operation.resource
    event = own.event if own is not None else f"{table}.changed"
    kind, _, rest = text.partition(":")
    if kind in ("http", "https"):
        check_endpoint_url(text)
        return DeliverStep("webhook", text, event, table=table)
    if text == "stdout":
        return DeliverStep("stdout", event=event, table=table)
    if kind in ("duckdb", "file", "dlt") and rest:
        if kind == "file":
            check_file_format(rest)
        return DeliverStep(cast("EventTarget", kind), event=event, to=rest, table=table)
    raise ConfigurationError(
        f'"{text}" is not a destination', hint="use https://…, duckdb:FILE, file:PATH, dlt:NAME or stdout"
    )
