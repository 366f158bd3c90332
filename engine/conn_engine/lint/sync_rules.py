"""Rules for syncs: whether they can run, and whether what they name exists."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from conn_engine.config import Effective, File, Workspace
from conn_engine.config.sync_models import AccountSelection, SyncDocument, SyncTrigger
from conn_engine.diagnostics import Diagnostic, diagnostic, did_you_mean
from conn_engine.documents import Document, format_path
from conn_engine.errors import ConnError
from conn_engine.lint.drift_rules import check_drift
from conn_engine.lint.sync_settings import check_overrides, check_settings
from conn_engine.lint.sync_triggers import check_cycle, check_events
from conn_engine.runtime.parameters import declared_parameters, parameters
from conn_engine.syncs import DeliverStep, SyncPlan, compile_sync, limit_to_window, load_sync
from conn_engine.syncs.compiling import SyncFault
from conn_engine.syncs.resources import find_connectors

__all__ = ["check_sync"]

_Path = tuple[str | int, ...]


def check_sync(workspace: Workspace, file: File, document: Document) -> Iterator[Diagnostic]:
    """Return the findings of a sync whose document is valid."""
    try:
        typed = workspace.sync(file.name)
    except ConnError:
        return
    findings = [
        *check_settings(document),
        *_check_names(workspace, document, typed),
        *check_cycle(workspace, file.name, document),
    ]
    yield from findings
    if findings:
        return  # they would be reported again
    for account in _choose_accounts(workspace, file.name, typed):
        yield from _check_for_account(workspace, file.name, document, account)


def _check_names(workspace: Workspace, document: Document, typed: SyncDocument) -> Iterator[Diagnostic]:
    """SYN103: the sync names a connector, an account, a tag, an endpoint or a sync that does not exist."""
    for path, name in _list_connectors(typed):
        if name not in workspace.connectors():
            yield _build_unknown("connector", name, workspace.connectors(), document, path)
    if isinstance(typed.accounts, tuple):
        for position, name in enumerate(typed.accounts):
            if name not in workspace.accounts():
                yield _build_unknown("account", name, workspace.accounts(), document, ("accounts", position))
    elif isinstance(typed.accounts, AccountSelection):
        known = sorted(_list_tags(workspace))
        for position, tag in enumerate(typed.accounts.tags):
            if tag not in known:
                yield _build_unknown("tag", tag, known, document, ("accounts", "tags", position))
    if isinstance(typed.trigger, SyncTrigger) and typed.trigger.sync not in (None, *workspace.syncs()):
        yield _build_unknown("sync", str(typed.trigger.sync), workspace.syncs(), document, ("trigger", "sync"))
    for path, name in _list_endpoints(typed):
        if name.startswith(("http://", "https://")) or name in _list_shared_endpoints(workspace):
            continue
        known = sorted(_list_shared_endpoints(workspace) | _list_account_endpoints(workspace))
        if name not in known:
            yield _build_unknown("endpoint", name, known, document, path)


def _list_tags(workspace: Workspace) -> set[str]:
    tags: set[str] = set()
    for name in workspace.accounts():
        with suppress(ConnError):  # a document that cannot be used has findings of its own
            tags.update(workspace.account(name).tags)
    return tags


def _list_connectors(typed: SyncDocument) -> Iterator[tuple[_Path, str]]:
    if typed.source is not None and typed.source.connector is not None:
        yield ("source", "connector"), typed.source.connector
    if typed.drift is not None and typed.drift.connector is not None:
        yield ("drift", "connector"), typed.drift.connector
    for position, step in enumerate(typed.steps):
        if step.connector is not None:
            yield ("steps", position, "connector"), step.connector


def _list_endpoints(typed: SyncDocument) -> Iterator[tuple[_Path, str]]:
    if typed.emit is not None and typed.emit.endpoint is not None:
        yield ("emit", "endpoint"), typed.emit.endpoint
    for position, step in enumerate(typed.steps):
        if step.endpoint is not None:
            yield ("steps", position, "endpoint"), step.endpoint


def _list_shared_endpoints(workspace: Workspace) -> set[str]:
    names = set(workspace.settings.endpoints)
    for environment in workspace.environments():
        with suppress(ConnError):
            names |= set(workspace.environment(environment).endpoints)
    return names


def _list_account_endpoints(workspace: Workspace) -> set[str]:
    names: set[str] = set()
    for account in workspace.accounts():
        with suppress(ConnError):
            names |= set(workspace.account(account).endpoints)
    return names


def _build_unknown(kind: str, name: str, known: list[str], document: Document, path: _Path) -> Diagnostic:
    hint = did_you_mean(name, known) or (f"use one of: {', '.join(known[:8])}" if known else f"add the {kind}")
    written = path if path[-1] != "connector" else _find_written(document, path)
    return diagnostic(
        "SYN103", f'there is no {kind} "{name}"', document.span(written), path=format_path(written), hint=hint
    )


def _find_written(document: Document, path: _Path) -> _Path:
    """Return the path of a connector as it is written: `integration` is another name for it."""
    node: Any = document.data
    for key in path[:-1]:
        node = node[key]
    return path if "connector" in node else (*path[:-1], "integration")


def _choose_accounts(workspace: Workspace, name: str, typed: SyncDocument) -> list[str]:
    """Return one account of each connector and environment, and those that override the sync."""
    connectors = find_connectors(typed)
    chosen: dict[tuple[str, str | None], str] = {}
    overriding = []
    for account in typed.accounts if isinstance(typed.accounts, tuple) else workspace.accounts():
        try:
            document = workspace.account(account)
        except ConnError:
            continue
        if any(one not in (None, document.connector) for one in connectors):
            continue
        if name in document.syncs:
            overriding.append(account)
        else:
            chosen.setdefault((document.connector, document.environment), account)
    return [*chosen.values(), *overriding]


def _check_for_account(workspace: Workspace, name: str, document: Document, account: str) -> Iterator[Diagnostic]:
    try:
        plan = compile_sync(workspace, load_sync(workspace, name, account))
        for step in plan.steps:
            _ = getattr(step, "mapping", None)
    except ConnError as error:
        if any(_find_faulty_overrides(workspace, account)):
            return
        if isinstance(error, SyncFault):
            yield diagnostic("SYN101", error.message, document.span(error.path), hint=error.hint)
            return
        if not error.findings and _names_connector(workspace, name):  # findings belong to another document
            message = f'for "{account}": {error.message}'
            yield diagnostic("SYN101", message, document.span(("source",)), hint=error.hint)
        return
    effective = workspace.effective(account=account)
    if plan.drift is not None:
        yield from check_drift(workspace, document, effective, plan)
        yield from _check_target(workspace, document, plan)
        yield from check_events(document, effective, plan)
        return
    yield from _check_deletes(document, effective, plan)
    yield from _check_parameters(document, effective, plan)
    yield from _check_pagination(document, effective, plan)
    yield from _check_target(workspace, document, plan)
    yield from _check_backfill(document, effective, plan)
    yield from check_events(document, effective, plan)


def _find_faulty_overrides(workspace: Workspace, account: str) -> Iterator[Diagnostic]:
    """Return the findings of what an account and its environment set for syncs: theirs, and not the sync's own."""
    yield from check_overrides(workspace.document("account", account))
    environment = workspace.account(account).environment or workspace.settings.default_environment
    if environment in workspace.environments():
        yield from check_overrides(workspace.document("environment", environment))


def _names_connector(workspace: Workspace, name: str) -> bool:
    """Return whether a sync names its connector. One that does not runs where its resource exists."""
    return any(one is not None for one in find_connectors(workspace.sync(name)))


def _check_parameters(document: Document, effective: Effective, plan: SyncPlan) -> Iterator[Diagnostic]:
    """SYN104: a unified operation does not read the parameter. SYN105: the vendor may not know it."""
    operation = plan.fetch.operation
    accepted = parameters(effective, operation)
    declared: Mapping[str, str] = {}
    if operation.kind == "vendor":
        declared = declared_parameters(effective, effective.vendor(operation.resource, operation.method))
    for name in accepted.unknown(plan.fetch.params):
        path = _find_parameter(document, name)
        if name == "id" or path is None:
            continue
        near = did_you_mean(name, sorted(accepted.names | accepted.query))
        if not accepted.open:
            message = f'{operation.text} does not read the parameter "{name}", so it has no effect'
            hint = near or "map it in query_mapping, or use the vendor's own resource"
            yield diagnostic("SYN104", message, document.key_span(path), path=format_path(path), hint=hint)
        elif declared:
            message = f'the schema of {operation.text} does not have the parameter "{name}"'
            hint = near or "check the vendor's documentation: many vendors ignore unknown parameters"
            yield diagnostic("SYN105", message, document.key_span(path), path=format_path(path), hint=hint)


def _check_deletes(document: Document, effective: Effective, plan: SyncPlan) -> Iterator[Diagnostic]:
    """SYN122: the mapping of the listing does not have the field that shows deleted records."""
    operation = plan.fetch.operation
    if (
        plan.deletes is None
        or plan.deleted_when is None
        or plan.deletes.when is not None
        or operation.kind != "unified"
    ):
        return
    mapping = effective.response_mapping(operation.model, operation.resource, operation.method)
    if mapping is None or not mapping.fields or "deleted" in mapping.fields:
        return
    yield diagnostic(
        "SYN122",
        f"{operation.text} does not map deleted, so no record is ever deleted",
        document.span(("deletes",)),
        path="deletes",
        hint="map deleted in the connector, or set deletes.when to what shows it, such as record.status = 'archived'",
    )


def _find_parameter(document: Document, name: str) -> _Path | None:
    data = document.data
    places: list[_Path] = [("params", name), ("source", "params", name), ("backfill", "params", name)]
    steps = data.get("steps") if isinstance(data, dict) else None
    places += [("steps", at, "params", name) for at in range(len(steps) if isinstance(steps, list) else 0)]
    for path in places:
        node: Any = data
        for key in path:
            if isinstance(node, list) and isinstance(key, int):
                node = node[key]
            else:
                node = node.get(key) if isinstance(node, dict) else None
        if node is not None:
            return path
    return None


def _check_pagination(document: Document, effective: Effective, plan: SyncPlan) -> Iterator[Diagnostic]:
    """SYN106: the pagination that the sync repeats is not that of the connector."""
    operation = plan.fetch.operation
    source = document.data.get("source") if isinstance(document.data, dict) else None
    repeated = source.get("pagination") if isinstance(source, dict) else None
    kind = repeated.get("type") or repeated.get("format") if isinstance(repeated, dict) else repeated
    if operation.kind != "vendor" or kind in (None, "auto"):
        return
    own = effective.vendor(operation.resource, operation.method).get_pagination()
    own_kind = str(own.__struct_config__.tag)
    if kind != own_kind:
        path = ("source", "pagination")
        message = f'the sync says the pagination "{kind}"; the connector uses "{own_kind}", and so does the sync'
        yield diagnostic("SYN106", message, document.span(path), path=format_path(path), hint="write pagination: auto")


def _check_backfill(document: Document, effective: Effective, plan: SyncPlan) -> Iterator[Diagnostic]:
    """SYN108: a backfill would read the same for every chunk. SYN104: its parameters are not read."""
    if plan.backfill is None:
        return
    try:
        yield from _check_parameters(document, effective, limit_to_window(plan, effective))
    except SyncFault as error:
        path = error.path if error.path[0] == "backfill" else ("backfill",)
        yield diagnostic("SYN108", error.message, document.span(path), path=format_path(path), hint=error.hint)


def _check_target(workspace: Workspace, document: Document, plan: SyncPlan) -> Iterator[Diagnostic]:
    """SYN107: there is no endpoint for the events."""
    step = plan.deliver
    if isinstance(step, DeliverStep) and step.type == "webhook" and step.endpoint == "default":
        account = workspace.account(plan.account)
        environment = account.environment or workspace.settings.default_environment
        own = workspace.environment(environment).endpoints if environment in workspace.environments() else {}
        if not any("default" in level for level in (workspace.settings.endpoints, own, account.endpoints)):
            yield diagnostic(
                "SYN107",
                'there is no endpoint "default" for the events, so a run needs --to',
                document.span(("emit",)),
                path="emit",
                hint="add it to conn.yaml: endpoints: { default: { url: https://… } }",
            )
