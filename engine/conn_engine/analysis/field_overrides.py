"""Draft an override of one field of a mapping: the changed text of the document, its findings, and its effects."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import unified_diff
from functools import cached_property
from typing import Any, Literal

from conn_engine.analysis.impact import impact
from conn_engine.config import (
    MAPPINGS,
    MISSING,
    RESOURCE_MAPPINGS,
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
from conn_engine.diagnostics import Diagnostic, Severity, did_you_mean
from conn_engine.documents import Document, format_path, parse_path, write_whole
from conn_engine.documents.edits import SharedChoice, drop_value, put_value
from conn_engine.documents.files import check_writable, read_text
from conn_engine.errors import ConfigurationError, UsageError
from conn_engine.lint import lint_workspace
from conn_engine.runtime.body_schemas import SchemaPlace
from conn_engine.testing.recorded_effects import OperationEffect, compare_configurations
from conn_engine.wire import MACHINE_CLOCK, Clock

__all__ = ["FieldOverride", "OverrideDraft", "draft_override"]

Action = Literal["set", "replace", "remove"]
_MOST_NAMES = 8
_RESOURCE_MAPPING_LENGTH = 4


@dataclass(frozen=True, slots=True)
class FieldOverride:
    """An override to write. `resource` is `contacts`, `crm.contacts` or an operation such as `contacts.list`, and
    `field` a field of its response mapping, or one of another mapping: `request_body_mapping.email`.

    With the action "replace", the expression of a complete mapping discards the levels below. The expression "null"
    removes the field. With `environment`, the override is for every account of the connector in this environment.
    """

    account: str
    resource: str
    field: str
    expression: str = ""
    action: Action = "set"
    environment: str | None = None
    shared: SharedChoice = "refuse"


@dataclass(frozen=True)
class OverrideDraft:
    """A document with an override that is not saved. `path` is that of the value in the configuration, and `names` are
    the operations of its resource, or the only one that it is for."""

    saved: Workspace
    workspace: Workspace
    file: File
    path: Path_
    before: Effective
    names: tuple[OperationName, ...]
    clock: Clock = MACHINE_CLOCK

    @property
    def is_changed(self) -> bool:
        """Whether the text of the document differs."""
        return self.old_document.text != self.document.text

    def save(self) -> None:
        """Write the document, completely or not at all. Raises ConfigurationError if it is read-only or not the one
        that was read."""
        check_writable(self.file.path, self.document.file)
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
        """The effect on the account's recordings and deliveries. Empty if the document has errors."""
        if self.errors:
            return ()
        reached = {path[:4] for side in (self.before, self.after) for path in side.find_effects(self.path)}
        names = [name for name in self.after.operations() if name.path in reached or self._is_different(name)]
        return compare_configurations(self.saved, self.before, self.after, names, deliveries=True)

    def _is_different(self, name: OperationName) -> bool:
        """Return whether an operation is configured differently: an alias can change several of them."""
        return name.kind == "unified" and lookup(self.before.data, name.path) != lookup(self.after.data, name.path)

    @property
    def failures(self) -> list[tuple[OperationName, Diagnostic]]:
        """What fails on the recordings because of the override."""
        return [(effect.name, finding) for effect in self.effects for finding in effect.failures.values()]

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
    names, place = _find_resource(before, override.resource)
    key, inside = _parse_field(override, place)
    path = (*place, key, *inside)
    if key == "response_mapping" and override.action != "remove":
        _check_field(before, names, path, inside)
    start: Path_ = ("override",)
    file = workspace.file("account", override.account)
    if override.environment is not None:
        start = ("connectors", before.connector_name)
        file = workspace.file("environment", override.environment)
    document = workspace.read(file)
    part = lookup(document.data, start)
    found = find_override_place(part if isinstance(part, dict) else {}, path)
    edit = _drop_value if override.action == "remove" else _put_value
    text = edit(document, start, found, override, path)
    draft = workspace.with_texts({document.file: text})
    return OverrideDraft(workspace, draft, file, path, before, tuple(names), clock)


def _find_resource(effective: Effective, text: str) -> tuple[list[OperationName], Path_]:
    """Return the unified operations that a name stands for, and the path of the resource or operation. Raises
    UsageError."""
    known: dict[str, dict[Path_, list[OperationName]]] = {}
    for name in effective.operations():
        if name.kind == "unified":
            for length in (3, 4):
                path = name.path[:length]
                for spelling in (".".join(map(str, path[1:])), ".".join(map(str, path[2:]))):
                    known.setdefault(spelling, {}).setdefault(path, []).append(name)
    if not known:
        raise UsageError(
            f'the connector "{effective.connector_name}" has no unified resource',
            hint=f"map its operations in connectors/{effective.connector_name}/unified/MODEL.yaml",
        )
    places = known.get(text, {})
    if len(places) == 1:
        [(path, names)] = places.items()
        return names, path
    if places:
        spellings = " or ".join(".".join(map(str, path[1:])) for path in places)
        raise UsageError(f'"{text}" is in several models', hint=f"write {spellings}")
    resources = sorted({".".join(map(str, path[1:])) for paths in known.values() for path in paths if len(path) == 3})
    listed = ", ".join(resources[:_MOST_NAMES])
    what = "operation" if any(text.startswith(f"{name}.") for name in known) else "resource"
    raise UsageError(
        f'the account "{effective.account}" has no unified {what} "{text}"',
        hint=did_you_mean(text, list(known)) or f"use one of: {listed}",
    )


def _parse_field(override: FieldOverride, place: Path_) -> tuple[str, Path_]:
    """Return the key of the mapping, and the path of the field in it. Raises UsageError."""
    try:
        path = parse_path(override.field)
    except UsageError as error:
        hint = 'write it as email or custom_fields.vip; quote a name with a space or a dot: custom_fields."a b"'
        raise UsageError(error.message, hint=hint) from None
    if not path:
        raise UsageError("FIELD is empty", hint="name a field of the record, such as email, or response_mapping")
    key, inside = (str(path[0]), path[1:]) if path and path[0] in MAPPINGS else ("response_mapping", path)
    if len(place) == 3 and key not in RESOURCE_MAPPINGS:
        raise UsageError(
            f"{key} is set for single operations",
            hint=f"name one, such as {override.resource}.list",
        )
    index = next((at for at, part in enumerate(inside) if isinstance(part, int)), None)
    if index is not None:
        whole = format_path(inside[:index])
        raise UsageError(f'"{override.field}" names an item of a list', hint=f"set the complete list: {whole}")
    if override.action == "replace" and inside:
        command = f"conn override {override.account} {override.resource} {key} EXPRESSION --replace"
        raise UsageError(
            "--replace needs a complete mapping: the override of a field already replaces its inherited expression",
            hint=f"omit --replace, or replace every field: {command}",
        )
    return key, inside


def _check_field(effective: Effective, names: Sequence[OperationName], path: Path_, inside: Path_) -> None:
    """Raise UsageError if the unified model does not have a field that no level maps yet."""
    operation = effective.get_unified(names[0].model, names[0].resource, names[0].method)
    record = operation.record if operation is not None and operation.record else ""
    schema = effective.schemas.find_record(names[0].model, record)
    if schema is None or any(
        effective.origins((*name.path, path[len(path) - len(inside) - 1], *inside)) for name in names
    ):
        return
    places = [SchemaPlace(schema, schema)]
    for depth, part in enumerate(inside):
        fields = sorted({field for place in places for field in place.names()})
        if part not in fields:
            if any(place.is_open() for place in places):
                return
            near = did_you_mean(str(part), fields)
            custom = f"use custom_fields.{format_path(inside)}, or " if "custom_fields" in fields and depth == 0 else ""
            raise UsageError(
                f'{names[0].model}.{record} has no field "{format_path(inside[: depth + 1])}"',
                hint=near or f"{custom}a field that the model has: conn schema {names[0].model}.{record}",
            )
        places = [child for place in places for child in place.find_children(str(part))]


def _put_value(document: Document, start: Path_, found: OverridePlace, override: FieldOverride, path: Path_) -> str:
    """Return the text of the document with the override. Raises UsageError if it sets more or less of the mapping."""
    place = (*start, *(found.blocking or found.path))
    where = f"{document.file}:{document.key_span(place).line}"
    if found.blocking is not None:
        above = path[: len(found.blocking) - len(found.path)]
        hint = "add the field to this expression in an editor"
        if len(above) == mapping_end(path) == _RESOURCE_MAPPING_LENGTH:
            command = f"conn override {override.account} {override.resource}.list {override.field} EXPRESSION"
            hint = f"{hint}, or override it for one operation: {command}"
        raise UsageError(f"{where} sets {format_place(above)} as a whole, so no field can be added", hint=hint)
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
