"""The document of a sync for one account: the sync's own file, what the environment sets, and what the account sets."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from msgspec import json, structs, to_builtins

from conn_engine.config import Effective, Workspace, collect_expressions
from conn_engine.config.merge import compose_mappings
from conn_engine.config.sync_models import SyncDocument, SyncOverride

__all__ = ["EffectiveSync", "find_own_expressions", "load_sync", "load_sync_levels"]

_REPLACED = ("enabled", "schedule", "timezone", "filter", "lookback", "on_error", "overlap", "max_runtime", "priority")

_ABOUT_STARTS = (
    "name",
    "description",
    "trigger",
    "accounts",
    "enabled",
    "schedule",
    "timezone",
    "overlap",
    "priority",
    "concurrency",
)


@dataclass(frozen=True, slots=True)
class EffectiveSync:
    """A sync for one account. `document` has the settings of all levels, except `params` and `transform`.

    `params` and `transform` are what the levels above the sync's own file set: `compile_sync` puts them over those of
    the step that they belong to.
    """

    name: str
    account: str | None
    document: SyncDocument
    params: dict[str, Any]
    transform: Any

    @property
    def digest(self) -> str:
        """What identifies what a run does. When it starts, and for whom, is not part of it."""
        document = {name: value for name, value in to_builtins(self.document).items() if name not in _ABOUT_STARTS}
        content = to_builtins([document, self.params, self.transform])
        return hashlib.sha256(json.encode(content, order="deterministic")).hexdigest()


def load_sync(workspace: Workspace, name: str, account: str | None = None) -> EffectiveSync:
    """Return a sync for an account, or without one as its file says. Raises UsageError for an unknown name, and
    ConfigurationError for a document that cannot be used."""
    if account is not None:
        workspace = workspace.of_account(account)
    return _merge(workspace, name, account, _find_overrides(workspace, name, account))


def load_sync_levels(
    workspace: Workspace, name: str, effective: Effective, own: Mapping[str, SyncOverride] | None = None
) -> EffectiveSync:
    """Return a sync with the levels that a configuration has: without what the account sets if it ends below.

    `own` is what the account sets for its syncs, instead of what its file does. Errors as in `load_sync`.
    """
    levels = {layer.level for layer in effective.layers}
    overrides = []
    if "environment" in levels and effective.environment in workspace.environments():
        overrides.append(workspace.environment(effective.environment).syncs.get(name))
    if "account" in levels and effective.account is not None:
        settings = workspace.account(effective.account).syncs if own is None else own
        overrides.append(settings.get(name))
    return _merge(workspace, name, effective.account, [override for override in overrides if override is not None])


def _merge(workspace: Workspace, name: str, account: str | None, levels: Iterable[SyncOverride]) -> EffectiveSync:
    document, overrides = workspace.sync(name), list(levels)
    changes = {
        key: value for override in overrides for key in _REPLACED if (value := getattr(override, key)) is not None
    }
    params = {key: value for override in overrides for key, value in (override.params or {}).items()}
    transform = None
    for override in overrides:
        if override.transform is not None:
            transform = override.transform if transform is None else compose_mappings(transform, override.transform)
    return EffectiveSync(name, account, structs.replace(document, **changes), params, transform)


def find_own_expressions(workspace: Workspace, name: str) -> frozenset[str]:
    """Return the expressions of a sync's own file, without those that an environment or an account sets. Raises like
    `load_sync`."""
    document = workspace.sync(name)
    defaults = {"record.id", f"record.{document.key}"}  # of a loop, and of deleted records
    return collect_expressions(to_builtins(document)) | defaults


def _find_overrides(workspace: Workspace, name: str, account: str | None) -> Iterator[SyncOverride]:
    if account is None:
        return
    typed = workspace.account(account)
    environment = typed.environment or workspace.settings.default_environment
    if environment in workspace.environments():
        override = workspace.environment(environment).syncs.get(name)
        if override is not None:
            yield override
    if name in typed.syncs:
        yield typed.syncs[name]
