"""Draft an override of one field of a mapping: the changed text of the document, its findings, and its effects."""

import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import unified_diff
from functools import cached_property
from typing import Any

from conn_engine.analysis.impact import impact
from conn_engine.analysis.override_targets import FieldOverride, check_field, find_resource, parse_field
from conn_engine.analysis.step_overrides import put_steps, resolve_steps
from conn_engine.config import (
    MISSING,
    Effective,
    File,
    OperationName,
    Path_,
    Workspace,
    format_place,
    lookup,
)
from conn_engine.config.merge import is_replacement, mapping_end
from conn_engine.config.override_places import OverridePlace, find_override_place
from conn_engine.diagnostics import Diagnostic, Severity
from conn_engine.documents import Document, parse, write_whole
from conn_engine.documents.edits import drop_value, put_value
from conn_engine.documents.files import check_writable, read_text
from conn_engine.documents.reserving import reserve_folder
from conn_engine.errors import ConfigurationError, UsageError
from conn_engine.expressions.layout import lay_out
from conn_engine.lint import lint_workspace
from conn_engine.syncs import find_syncs
from conn_engine.testing.recorded_effects import OperationEffect, compare_configurations
from conn_engine.testing.syncs.cases import sync_name
from conn_engine.wire import MACHINE_CLOCK, Clock

__all__ = ["FieldOverride", "OverrideDraft", "draft_override", "draft_overrides", "extend_object"]

_RESOURCE_MAPPING_LENGTH = 4
_OBJECTS = ("$merge(", "{", "(\n  $mapped :=", "($mapped :=")
"""How an expression begins that makes an object."""
_DEEPEST_FIELD = 2


@dataclass(frozen=True)
class OverrideDraft:
    """A document with an override that is not saved. `path` is that of the value in the configuration, and `more_paths`
    are those of further overrides."""

    saved: Workspace
    workspace: Workspace
    file: File
    path: Path_
    before: Effective
    clock: Clock = MACHINE_CLOCK
    more_paths: tuple[Path_, ...] = ()

    @property
    def is_changed(self) -> bool:
        """Whether the text of the document differs."""
        return self.old_document.text != self.document.text

    def save(self) -> None:
        """Write the document, completely or not at all. Raises ConfigurationError if it is read-only or not the one
        that was read."""
        check_writable(self.file.path, self.document.file)
        with reserve_folder(self.saved.root):
            if read_text(self.file.path, self.document.file) != self.old_document.text:
                message = f"{self.document.file} was changed by something else in the meantime"
                raise ConfigurationError(message, hint="run the command again")
            write_whole(self.file.path, self.document.text, within=self.saved.root)

    def format_diff(self) -> str:
        """Return the change of the document as a unified diff; empty if the text does not change."""
        old, new = (document.text.splitlines() for document in (self.old_document, self.document))
        file = self.document.file
        lines = unified_diff(old, new, f"a/{file}", f"b/{file}", n=2, lineterm="")
        return "".join(f"{line}\n" for line in lines)

    def count_untouched(self) -> int:
        """Return the number of other accounts that the document does not concern."""
        return len(self.saved.accounts()) - 1 - len(self.affected_accounts)

    @property
    def old_document(self) -> Document:
        """The saved document."""
        return self.saved.read(self.file)

    @property
    def document(self) -> Document:
        """The changed document."""
        return self.workspace.read(self.file)

    @cached_property
    def document_findings(self) -> tuple[Diagnostic, ...]:
        """The findings of lint for the changed document."""
        return tuple(lint_workspace(self.workspace, [self.file.path], self.clock).findings)

    @cached_property
    def findings(self) -> tuple[Diagnostic, ...]:
        """Those that the saved document does not have."""
        old = lint_workspace(self.saved, [self.file.path], self.clock).findings
        known = {(finding.code, finding.path, finding.message) for finding in old}
        return tuple(one for one in self.document_findings if (one.code, one.path, one.message) not in known)

    @property
    def errors(self) -> list[Diagnostic]:
        """The findings because of which the document must not be saved."""
        return [finding for finding in self.findings if finding.severity is Severity.ERROR]

    @cached_property
    def after(self) -> Effective:
        """The effective configuration with the override."""
        environment = self.file.name if self.file.kind == "environment" else None
        return self.workspace.effective(account=self.before.account, environment=environment)

    @cached_property
    def effects(self) -> tuple[OperationEffect, ...]:
        """The effect on the account's recordings and deliveries, and on the syncs whose events change. Empty if the
        document has errors."""
        if self.errors:
            return ()
        reached = {path[:4] for side in (self.before, self.after) for path in self._find_effects(side)}
        names = [name for name in self.after.operations() if name.path in reached or self._is_different(name)]
        syncs = [sync_name(name) for name in find_syncs(self.saved, self.before)]
        effects = compare_configurations(self.saved, self.before, self.after, names, syncs=syncs, deliveries=True)
        return tuple(effect for effect in effects if effect.changes or effect.name not in syncs)

    def _find_effects(self, side: Effective) -> list[Path_]:
        return [reached for path in (self.path, *self.more_paths) for reached in side.find_effects(path)]

    def _is_different(self, name: OperationName) -> bool:
        """Return whether an operation is configured differently: an alias can change several of them."""
        return name.kind == "unified" and lookup(self.before.data, name.path) != lookup(self.after.data, name.path)

    @property
    def failures(self) -> list[tuple[OperationName, Diagnostic]]:
        """What fails on the recordings because of the override."""
        return [(effect.name, finding) for effect in self.effects for finding in effect.failures.values()]

    @property
    def empty_fields(self) -> list[Diagnostic]:
        """The warnings for fields that the override maps and that no recorded record has, one for each place."""
        rows = {finding.span: finding for effect in self.effects for finding in effect.empty}
        return list(rows.values())

    @cached_property
    def other_effects(self) -> Counter[str]:
        """The number of other accounts by the effect on them, such as `changed`; empty if none uses the document."""
        affected = [] if self.errors else self.affected_accounts
        if not affected:
            return Counter()
        return Counter(account.status for account in impact(self.saved, self.workspace, accounts=affected).accounts)

    @cached_property
    def affected_accounts(self) -> list[str]:
        """The other accounts that use the changed document for this connector."""
        if self.file.kind != "environment":
            return []
        settings = self.saved.settings
        rows = [(name, self.saved.account(name)) for name in self.saved.accounts() if name != self.before.account]
        return [
            name
            for name, account in rows
            if account.connector == self.before.connector_name
            and (account.environment or settings.default_environment) == self.file.name
        ]


def draft_override(workspace: Workspace, override: FieldOverride, clock: Clock = MACHINE_CLOCK) -> OverrideDraft:
    """Return a draft with the override. Nothing is written.

    Raises UsageError for an unknown account, environment, resource or field, or if there is nothing to remove;
    SharedTextError if an alias repeats the text to change; and ConfigurationError if the documents cannot be used, or
    the text cannot be changed in place.
    """
    before = workspace.effective(account=override.account, environment=override.environment)
    return draft_overrides(workspace, before, [override], clock)


def draft_overrides(
    workspace: Workspace, before: Effective, overrides: Sequence[FieldOverride], clock: Clock = MACHINE_CLOCK
) -> OverrideDraft:
    """Return a draft with several overrides, made one after the other, all for the same account or environment. There
    is at least one. `before` is the saved configuration of the account.

    Raises the errors of `draft_override`.
    """
    first = overrides[0]
    start: Path_ = ("override",)
    file = workspace.file("account", first.account)
    if first.environment is not None:
        start = ("connectors", before.connector_name)
        file = workspace.file("environment", first.environment)
    document = workspace.read(file)
    paths = []
    for override in overrides:
        path = _resolve_path(before, override)
        part = lookup(document.data, start)
        found = find_override_place(part if isinstance(part, dict) else {}, path)
        edit = _EDITS.get(override.action, _put_value)
        document = parse(edit(document, start, found, override, path), document.file)
        paths.append(path)
    draft = workspace.with_texts({document.file: document.text})
    return OverrideDraft(workspace, draft, file, paths[0], before, clock, tuple(paths[1:]))


def _resolve_path(before: Effective, override: FieldOverride) -> Path_:
    """Return the path of an override in the configuration. Raises UsageError for what the model does not have."""
    names, place = find_resource(before, override.resource)
    if override.action == "steps":
        return resolve_steps(override, place)
    key, inside = parse_field(override, place)
    path = (*place, key, *inside)
    if key == "response_mapping" and override.action != "remove":
        check_field(before, names, path, inside)
    return path


def _put_value(document: Document, start: Path_, found: OverridePlace, override: FieldOverride, path: Path_) -> str:
    """Return the text of the document with the override. Raises UsageError if it sets more or less of the mapping."""
    place = (*start, *(found.blocking or found.path))
    where = f"{document.file}:{document.key_span(place).line}"
    if found.blocking is not None:
        above = path[: len(found.blocking) - len(found.path)]
        extended = None
        if override.action != "replace":
            extended = extend_object(document, place, [str(name) for name in path[len(above) :]], override.expression)
        if extended is not None:
            return put_value(document, place, extended, override.shared)
        hint = "add the field to this expression in an editor"
        if len(above) == mapping_end(path) == _RESOURCE_MAPPING_LENGTH:
            command = f"conn override {override.account} {override.resource}.list {override.field} EXPRESSION"
            hint = f"{hint}, or override it for one operation: {command}"
        raise UsageError(f"{where} sets {format_place(above)} with one expression, so no field can be added", hint=hint)
    present = found.value["replace"] if len(path) == mapping_end(path) and is_replacement(found.value) else found.value
    parts = found.inner or (tuple(map(str, present)) if isinstance(present, dict) else ())
    if parts:
        raise UsageError(
            f"{where} overrides parts of {override.field}: {', '.join(parts)}",
            hint=f"name one of them, such as {override.field}.{parts[0]}, or --remove them first",
        )
    value: Any = None if override.expression.strip() == "null" else override.expression
    value = {"replace": value} if override.action == "replace" else value
    return put_value(document, (*start, *found.path), value, override.shared)


def extend_object(document: Document, place: Path_, names: list[str], expression: str) -> str | None:
    """Return an expression that makes an object, extended by a field that `names` lead to. None if it is no such
    expression, if it sets the field itself, or if the field is more than one object further inside."""
    text = lookup(document.data, place)
    if not isinstance(text, str) or not text.lstrip().startswith(_OBJECTS) or len(names) > _DEEPEST_FIELD:
        return None
    if re.search(rf"""["'`]?\b{re.escape(names[-1])}["'`]?\s*:(?!=)""", text):
        return None
    *outer, name = (json.dumps(name, ensure_ascii=False) for name in names)
    old, field = text.strip(), f"{{ {name}: {expression.strip()} }}"
    if outer:
        inner = f"$merge([$lookup($mapped, {outer[0]}), {field}])"
        extended = f"(\n  $mapped := {old};\n  $merge([$mapped, {{ {outer[0]}: {inner} }}])\n)"
    else:
        extended = f"$merge([\n  {old},\n  {field}\n])"
    return lay_out(extended, in_lines=True).rstrip("\n") + "\n" * text.endswith("\n")


def _drop_value(document: Document, start: Path_, found: OverridePlace, override: FieldOverride, path: Path_) -> str:
    """Return the text of the document without the override. Raises UsageError if it has none."""
    if found.value is MISSING:
        hint = f"to see what it overrides: conn diff-override --account {override.account}"
        of_resource = (*path[:3], *path[4:]) if mapping_end(path) != _RESOURCE_MAPPING_LENGTH else path
        if find_override_place(lookup(document.data, start) or {}, of_resource).value is not MISSING:
            resource = ".".join(map(str, path[1:3]))
            command = f"conn override {override.account} {resource} {override.field} --remove"
            hint = f"it overrides the field of the resource: {command}"
        elif found.inner:
            hint = f"name one of its parts: {', '.join(f'{override.field}.{part}' for part in found.inner)}"
        raise UsageError(f"{document.file} does not override {format_place(path)}", hint=hint)
    return drop_value(document, (*start, *found.path), override.shared)


_EDITS = {"remove": _drop_value, "steps": put_steps}
"""The edits by the action of an override; every other action puts a value."""
