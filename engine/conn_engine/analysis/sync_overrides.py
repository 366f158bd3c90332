"""Draft an override of one setting of a sync, for an account or an environment: its text, and what it changes."""

import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from conn_engine.analysis.field_overrides import OverrideDraft, extend_object
from conn_engine.analysis.override_targets import FieldOverride
from conn_engine.config import MISSING, Effective, Path_, Workspace, lookup
from conn_engine.config.merge import is_replacement
from conn_engine.config.override_places import OverridePlace
from conn_engine.config.sync_models import SyncOverride
from conn_engine.diagnostics import Diagnostic, Severity, did_you_mean, join_words
from conn_engine.documents import Document, format_path, parse_path
from conn_engine.documents.edits import drop_value, put_value
from conn_engine.errors import ConnError, UsageError
from conn_engine.lint import lint_workspace
from conn_engine.syncs import compile_sync, find_syncs, load_sync_levels
from conn_engine.syncs.estimating import count_runs
from conn_engine.testing.recorded_effects import OperationEffect, compare_configurations
from conn_engine.testing.syncs.cases import PREFIX, sync_name
from conn_engine.testing.syncs.places import compose_settings
from conn_engine.wire import MACHINE_CLOCK, Clock

__all__ = ["SettingChange", "SyncOverrideDraft", "draft_sync_override"]

_EXPRESSIONS = ("transform", "filter")
_WITH_PARTS = ("transform", "params")


@dataclass(frozen=True, slots=True)
class SettingChange:
    """A setting of a sync, or `runs_per_day`, that an override changes. A value is None if it is not set."""

    field: str
    before: Any
    after: Any


@dataclass(frozen=True)
class SyncOverrideDraft(OverrideDraft):
    """A draft with an override of a setting of `sync`."""

    sync: str = ""

    @cached_property
    def document_findings(self) -> tuple[Diagnostic, ...]:
        """The findings of lint for the changed document, and for the sync with it."""
        return self._lint(self.workspace)

    @cached_property
    def findings(self) -> tuple[Diagnostic, ...]:
        """Those that the saved documents do not have."""
        known = {(finding.code, finding.path, finding.message) for finding in self._lint(self.saved)}
        return tuple(one for one in self.document_findings if (one.code, one.path, one.message) not in known)

    def _lint(self, workspace: Workspace) -> tuple[Diagnostic, ...]:
        own = lint_workspace(workspace, [self.file.path], self.clock).findings
        if any(finding.severity is Severity.ERROR for finding in own):
            return tuple(own)  # the sync cannot be used with it
        path = workspace.file("sync", self.sync).path
        return (*own, *lint_workspace(workspace, [path], self.clock).findings)

    @cached_property
    def effects(self) -> tuple[OperationEffect, ...]:
        """The effect on the events that the sync makes of recordings. Empty if the document has errors, or for a
        setting that does not decide what the events have."""
        if self.errors or self.path[2] not in _EXPRESSIONS:
            return ()
        return compare_configurations(
            self.workspace, self.before, self.after, [], syncs=[sync_name(self.sync)], saved=self.saved
        )

    @cached_property
    def settings(self) -> list[SettingChange]:
        """The settings that change, other than expressions, and how often the schedule then starts a run."""
        if self.errors or self.path[2] in _EXPRESSIONS:
            return []
        pairs = {format_path(self.path[2:]): [self._find_value(*side) for side in self._sides]}
        if self.path[2] in ("enabled", "schedule", "timezone"):
            pairs["runs_per_day"] = [self._count_runs(*side) for side in self._sides]
        return [SettingChange(field, *values) for field, values in pairs.items() if values[0] != values[1]]

    @property
    def _sides(self) -> tuple[tuple[Workspace, Effective], ...]:
        return (self.saved, self.before), (self.workspace, self.after)

    def _find_value(self, workspace: Workspace, effective: Effective) -> Any:
        settings, path = compose_settings(workspace, effective, self.sync), self.path[2:]
        found = [lookup(settings, place) for place in (path, ("source", *path))]
        return next((value for value in found if value is not MISSING), None)

    def _count_runs(self, workspace: Workspace, effective: Effective) -> int:
        try:
            plan = compile_sync(workspace, load_sync_levels(workspace, self.sync, effective), effective)
            return count_runs(plan.schedule, self.clock.now()) if plan.enabled and plan.schedule is not None else 0
        except ConnError:
            return 0


def draft_sync_override(workspace: Workspace, override: FieldOverride, clock: Clock = MACHINE_CLOCK) -> OverrideDraft:
    """Return a draft with an override whose resource is `sync:NAME`, and whose field is a setting of that sync. Nothing
    is written.

    Raises UsageError for an unknown account, environment, sync or setting, or if there is nothing to remove; and the
    errors of `draft_override`.
    """
    name = override.resource.removeprefix(PREFIX)
    workspace.sync(name)
    before = workspace.effective(account=override.account, environment=override.environment)
    path = _parse_setting(override, name)
    if path == ("schedule",) and override.action != "remove":
        _check_trigger(workspace, name)
    start: Path_ = ("syncs", name)
    kind = "account" if override.environment is None else "environment"
    file = workspace.file("account", override.account)
    if override.environment is not None:
        file = workspace.file("environment", override.environment)
    document = workspace.read(file)
    settings = lookup(document.data, start)
    found = _find_place(settings if isinstance(settings, dict) else {}, path)
    edit = _drop_setting if override.action == "remove" else _put_setting
    draft = workspace.with_texts({document.file: edit(document, start, found, override, path)})
    made = SyncOverrideDraft(workspace, draft, file, (*start, *path), before, clock, sync=name)
    drafts = [(workspace, before), *([] if made.errors else [(draft, made.after)])]
    if not any(name in find_syncs(*one, with_drift=True) for one in drafts):
        raise UsageError(
            f'the sync "{name}" does not run for the {kind} "{override.environment or override.account}"',
            hint=f"check its accounts and its connector: conn show {PREFIX}{name}",
        )
    return made


def _check_trigger(workspace: Workspace, name: str) -> None:
    """Raise UsageError for a sync whose trigger is not its schedule."""
    trigger = workspace.sync(name).trigger
    if trigger not in (None, "schedule"):
        file = workspace.file("sync", name).path
        raise UsageError(
            f'a schedule would not start the sync "{name}": it has the trigger '
            f"{trigger if isinstance(trigger, str) else 'of an event or of another sync'}",
            hint=f"remove trigger from {file.relative_to(workspace.root).as_posix()} first",
        )


def _parse_setting(override: FieldOverride, name: str) -> Path_:
    try:
        path = parse_path(override.field)
    except UsageError as error:
        raise UsageError(error.message, hint="write it as schedule, params.limit or transform.email") from None
    known = SyncOverride.__struct_fields__
    if not path or path[0] not in known:
        what = f'"{path[0]}" of a sync cannot be overridden' if path else "FIELD is empty"
        hint = f"use one of: {', '.join(known)}; everything else is set in syncs/{name}.yaml"
        raise UsageError(what, hint=did_you_mean(str(path[0]) if path else "", known) or hint)
    if len(path) > 1 and path[0] not in _WITH_PARTS:
        raise UsageError(f"{path[0]} has no parts", hint=f"write {path[0]}")
    if override.action == "replace" and path != ("transform",):
        raise UsageError(
            "--replace needs the complete transformation: the override of a setting already replaces the inherited one",
            hint=f"omit --replace, or replace all fields: conn override {override.account} {override.resource} "
            "transform EXPRESSION --replace",
        )
    return path


def _find_place(settings: dict[str, Any], path: Path_) -> OverridePlace:
    """Return the place of a setting in what an account or an environment sets for a sync."""
    node: Any = settings
    written: Path_ = ()
    for depth, name in enumerate(path):
        if written == ("transform",) and is_replacement(node):
            node, written = node["replace"], (*written, "replace")
        if not isinstance(node, dict):
            return OverridePlace((*written, *path[depth:]), blocking=written)
        if name not in node:
            return OverridePlace((*written, *path[depth:]))
        node, written = node[str(name)], (*written, name)
    return OverridePlace(written, node)


def _read_value(override: FieldOverride, path: Path_) -> Any:
    """Return the value of a setting: text for an expression, else JSON, and text that is not JSON."""
    text = override.expression
    if path[0] in _EXPRESSIONS:
        value: Any = None if text.strip() == "null" else text
    else:
        try:
            value = json.loads(text)
        except ValueError:
            value = text
    if value is None and len(path) == 1:
        command = f"conn override {override.account} {override.resource} {override.field} --remove"
        raise UsageError(f"null does not change {path[0]}", hint=f"to have the inherited value: {command}")
    return {"replace": value} if override.action == "replace" else value


def _put_setting(document: Document, start: Path_, found: OverridePlace, override: FieldOverride, path: Path_) -> str:
    """Return the text of the document with the override. Raises UsageError if it sets more or less than a setting."""
    value = _read_value(override, path)
    if found.blocking is not None:
        place = (*start, *found.blocking)
        inside = [str(name) for name in found.path[len(found.blocking) :]]
        extended = extend_object(document, place, inside, override.expression) if path[0] == "transform" else None
        if extended is None:
            raise UsageError(
                f"{document.file}:{document.key_span(place).line} sets {format_path(found.blocking)} with one "
                "expression, so no field can be added",
                hint="add the field to this expression in an editor",
            )
        return put_value(document, place, extended, override.shared)
    parts = tuple(map(str, found.value)) if isinstance(found.value, dict) and not is_replacement(found.value) else ()
    if parts and not isinstance(value, dict):
        line = document.key_span((*start, *found.path)).line
        raise UsageError(
            f"{document.file}:{line} overrides parts of {override.field}: {join_words(parts)}",
            hint=f"name one of them, such as {override.field}.{parts[0]}, or --remove them first",
        )
    return put_value(document, (*start, *found.path), value, override.shared)


def _drop_setting(document: Document, start: Path_, found: OverridePlace, override: FieldOverride, path: Path_) -> str:
    """Return the text of the document without the override. Raises UsageError if it has none."""
    if found.value is MISSING:
        raise UsageError(
            f"{document.file} does not override {format_path((*start, *path))}",
            hint=f"to see what it overrides: conn diff-override {override.resource} --account {override.account}",
        )
    return drop_value(document, (*start, *found.path), override.shared)
