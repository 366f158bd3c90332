"""The effective configuration of one connector for one account: three levels merged, typed on demand, with
provenance.

Models are made lazily, operation by operation. Reading files and finding them is `load`'s; sending anything
is nobody's business here.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from copy import copy
from dataclasses import replace
from functools import cached_property, partial
from typing import Any, TypeVar

from msgspec import structs

from conn_engine.auth import Credentials, add_supplied_values, choose_credentials, read_secret_fields
from conn_engine.config.authority import declared_names, find_widening
from conn_engine.config.convert import ConversionError, convert
from conn_engine.config.endpoints import find_stale_token_urls, repeats_token_url, sets_further_urls
from conn_engine.config.faults import fault
from conn_engine.config.grants import Grants, Levels
from conn_engine.config.host_patterns import effective_hosts
from conn_engine.config.issue import issued_hosts
from conn_engine.config.literals import literal_secrets
from conn_engine.config.merge import (
    INHERITED,
    RESOURCE_MAPPINGS,
    Path_,
    dead,
    leaves,
    lookup,
    mapping_layers,
    merge,
    statements,
)
from conn_engine.config.models import Configuration, Resource, UnifiedEvent, UnifiedOperation, UnifiedResource
from conn_engine.config.operations import (
    EventName,
    OperationName,
    VendorOperation,
    event_names,
    operation_names,
    resolve_name,
    said_at,
    singular,
    vendor_operation,
)
from conn_engine.config.origins import Layer, Level, Origin
from conn_engine.config.partial_overrides import PartialOverride, find_partial_overrides
from conn_engine.config.record_schemas import SchemaFiles
from conn_engine.config.resource_mappings import MappingReach, expand, find_resource_mappings, merge_base, to_written
from conn_engine.config.validate import validate
from conn_engine.diagnostics import Diagnostic, Severity, Span
from conn_engine.documents import format_path, texts
from conn_engine.errors import ConfigurationError, ExpressionError
from conn_engine.expressions import Mapping as Mapping_
from conn_engine.expressions import compile_mapping, template
from conn_engine.transport.hosts import bind_hosts
from conn_engine.webhooks import Webhooks

__all__ = ["Effective"]

T = TypeVar("T")
_OPTED_OUT = tuple((key,) for key in RESOURCE_MAPPINGS)  # an account may set it for the resource
_OWN_HOSTS = frozenset({"SEC112", "SEC160"})
"""About the hosts of the connector itself: the gateway refuses each request that they concern."""

_KINDS: dict[Level, str] = {"environment": "environment", "account": "account"}


class Effective:
    """What holds for one connector, in one environment, for one account.

    `account` and `environment` are names, None for the level that is absent. `context` are the account's own values,
    and the connector's `defaults` where it has none. `grants` is what conn.yaml adds to what the connector grants.
    `schemas` are the files of JSON Schemas that it may refer to. `evaluator` is the name of the one that conn.yaml
    chooses; empty: the preferred one. `data` is the merged raw configuration: the
    connector's keys, and `unified.<model>.<resource>.<method>`.
    """

    def __init__(
        self,
        *,
        connector_name: str,
        layers: Sequence[Layer],
        account: str | None = None,
        environment: str | None = None,
        context: dict[str, Any] | None = None,
        grants: Grants | None = None,
        schemas: SchemaFiles | None = None,
        evaluator: str = "",
    ) -> None:
        self.connector_name = connector_name
        self.evaluator = evaluator
        self.account = account
        self.environment = environment
        self._own = frozenset(context or {})
        self.defaults = _find_defaults(layers[0].data)
        """The values of `fields` that hold where an account says none."""
        self.context = self._with_defaults(context or {})
        self.captured: frozenset[str] = frozenset()
        """The names in `context` that a log-in found out."""
        self.layers = tuple(layers)
        self.grants = grants or Grants(environment=environment)
        self.schemas = schemas or SchemaFiles()
        self._stored_for: tuple[str, ...] | None = None
        self._vendor: dict[tuple[str, str], VendorOperation] = {}
        self._chosen: dict[tuple[str, str], VendorOperation] = {}
        self._unified: dict[tuple[str, str, str], UnifiedOperation] = {}
        self._mappings: dict[tuple[str, str, str], Mapping_] = {}

    @cached_property
    def data(self) -> dict[str, Any]:
        """The merged raw configuration. Shared: not to be changed."""
        merged: dict[str, Any] = merge(self._stack)
        return merged

    @cached_property
    def expanded(self) -> tuple[Layer, ...]:
        """The levels as they are merged: what a resource sets for its operations stands in each of them."""
        return expand(self.layers)

    @cached_property
    def _stack(self) -> list[dict[str, Any]]:
        base, length = merge_base(self.expanded)
        return [base, *(layer.data for layer in self.expanded[length:])]

    @cached_property
    def literals(self) -> tuple[tuple[Path_, str], ...]:
        """The path and text of each secret that is written into it."""
        return tuple(literal_secrets(self.data))

    @cached_property
    def base_expressions(self) -> frozenset[str]:
        """Every expression that the connector itself has; and its other texts, which are expressions nowhere."""
        found: set[str] = set()
        for _, text in texts(self.layers[0].data):
            found.add(text)
            if "{{" in text:
                with suppress(ExpressionError):  # reported where it is used
                    found.update(source for source, _ in template(text).expressions)
        return frozenset(found)

    @cached_property
    def connector(self) -> Configuration:
        """The connector without its operations and webhooks, typed: a fault of one of those concerns nobody else.
        Raises ConfigurationError.
        """
        typed = self._typed
        own = self._with_secret_fields(typed.credentials)
        return typed if own is None else structs.replace(typed, credentials=choose_credentials(own, self.context))

    @cached_property
    def _typed(self) -> Configuration:
        """The same in any context: a choice of credentials is still one."""
        try:
            return convert({**self._shared, "webhooks": None}, Configuration, at=self.connector_name)
        except ConversionError as error:
            raise self._explain_conversion(error, ()) from None

    def _with_secret_fields(self, credentials: Credentials | None) -> Credentials | None:
        more = read_secret_fields(self.data)
        return add_supplied_values(credentials, more) if more else credentials

    def _with_defaults(self, context: Mapping[str, Any]) -> dict[str, Any]:
        missing = {name: value for name, value in self.defaults.items() if context.get(name) is None}
        return {**context, **missing}

    def learn(self, captured: Any) -> None:
        """Add what a log-in found out (a mapping of names) to `context`; what the account's document says goes first.

        Scopes that hold the context see it at once.
        """
        if isinstance(captured, dict):
            self.context.update({name: value for name, value in captured.items() if name not in self._own})
            self.captured = frozenset(captured) - self._own

    def in_context(self, context: Mapping[str, Any]) -> "Effective":
        """The same configuration with this context instead. What does not depend on one is made once for all."""
        with suppress(ConfigurationError):  # whoever uses it is told
            _ = self.hosts, self.env_names, self._typed
        variant = copy(self)
        variant.context = self._with_defaults(context)
        variant._chosen = {}
        variant.__dict__.pop("connector", None)
        return variant

    def with_layers(self, layers: Sequence[Layer]) -> "Effective":
        """The same connector, account and environment with these layers instead."""
        variant = Effective(
            connector_name=self.connector_name,
            layers=layers,
            account=self.account,
            environment=self.environment,
            context=self.context,
            grants=self.grants,
            schemas=self.schemas,
            evaluator=self.evaluator,
        )
        variant._own, variant.captured = self._own, self.captured
        return variant

    def check(self) -> None:
        """Raise ConfigurationError, with a finding for each fault, unless every operation can be used."""
        for at, attempt in self._conversions():
            self._attempt(at, attempt)

    def check_shared(self) -> None:
        """Raise ConfigurationError, with a finding for each fault, unless what no operation has alone can be used."""
        for at, attempt in (*self._shared_conversions(), *self._event_conversions()):
            self._attempt(at, attempt)

    def check_operation(self, name: OperationName) -> None:
        """Raise ConfigurationError, with a finding for each fault, unless an operation can be used."""
        self._check_entries(name.path[:-1], Resource if name.kind == "vendor" else UnifiedResource)
        self._attempt(name.path, self._conversion(name))

    def _check_entries(self, path: Path_, kind: type[Resource] | type[UnifiedResource]) -> None:
        """Raise ConfigurationError for an entry of a resource that is neither a setting nor an operation."""
        entries = lookup(self.data, path)
        if not isinstance(entries, dict):
            return
        known = (*kind.__struct_fields__, *kind.aliases)
        strange = {
            key: value for key, value in entries.items() if key not in known and not isinstance(value, dict | None)
        }
        if strange:
            self._attempt(path, partial(convert, strange, kind, at=format_path(path)))

    def _attempt(self, at: Path_, attempt: Callable[[], T]) -> T:
        try:
            return attempt()
        except ConversionError as error:
            raise self._explain_conversion(error, at) from None

    # --- operations ---

    def operations(self) -> list[OperationName]:
        """Every operation, unified ones first."""
        return list(self._names)

    @cached_property
    def _names(self) -> list[OperationName]:
        return operation_names(self.data)

    def resolve(self, text: str, raw: bool = False) -> OperationName:
        """The operation a text means. Raises UsageError when it is unknown or ambiguous."""
        return resolve_name(self.operations(), text, connector=self.connector_name, raw=raw)

    def vendor(self, resource: str, method: str) -> VendorOperation:
        """A vendor operation with everything inherited. Raises UsageError when there is none."""
        if (resource, method) not in self._chosen:
            self._check_entries(("resources", resource), Resource)
        return self._attempt(("resources", resource, method), partial(self._convert_vendor, resource, method))

    def vendor_operations(self) -> Iterator[VendorOperation]:
        """Every vendor operation that can be used, in the documents' order. What is wrong with the others is among
        the `findings`."""
        for name in self.operations():
            if name.kind == "vendor":
                try:
                    yield self._convert_vendor(name.resource, name.method)
                except ConversionError:
                    continue

    def _convert_vendor(self, resource: str, method: str) -> VendorOperation:
        key = (resource, method)
        if key not in self._chosen:
            if key not in self._vendor:
                self._vendor[key] = vendor_operation(self.data, resource, method, connector=self.connector_name)
            made = self._vendor[key]
            credentials = choose_credentials(
                self._with_secret_fields(made.credentials) or made.credentials, self.context
            )
            self._chosen[key] = made if credentials is made.credentials else replace(made, credentials=credentials)
        return self._chosen[key]

    def get_unified(self, model: str, resource: str, method: str) -> UnifiedOperation | None:
        """A unified operation, `resource`, `method` and `record` filled in; None when there is none."""
        if (model, resource, method) not in self._unified:
            self._check_entries(("unified", model, resource), UnifiedResource)
        attempt = partial(self._convert_unified, model, resource, method)
        return self._attempt(("unified", model, resource, method), attempt)

    def unified_operations(self) -> Iterator[tuple[OperationName, UnifiedOperation]]:
        """Every unified operation that can be used, with its name, in the documents' order. What is wrong with the
        others is among the `findings`."""
        for name in self.operations():
            if name.kind == "unified":
                try:
                    operation = self._convert_unified(name.model, name.resource, name.method)
                except ConversionError:
                    continue
                if operation is not None:
                    yield name, operation

    def response_mapping(self, model: str, resource: str, method: str) -> Mapping_ | None:
        """The response mapping of a unified operation, compiled once; None when it has none. Raises ExpressionError."""
        key = (model, resource, method)
        if key not in self._mappings:
            operation = self.get_unified(*key)
            layers = mapping_layers(operation.response_mapping) if operation is not None else []
            if not layers:
                return None
            self._mappings[key] = compile_mapping(layers)
        return self._mappings[key]

    def _convert_unified(self, model: str, resource: str, method: str) -> UnifiedOperation | None:
        path = ("unified", model, resource, method)
        key = (model, resource, method)
        if key in self._unified:
            return self._unified[key]
        own = lookup(self.data, path)
        if not isinstance(own, dict) or method in UnifiedResource.__struct_fields__:
            return None
        record = lookup(self.data, (*path[:3], "record"))
        filled = {
            "resource": resource,
            "method": method,
            "record": record if isinstance(record, str) else singular(resource),
            **{name: value for name, value in own.items() if value is not None},
        }
        made = self._unified[key] = convert(filled, UnifiedOperation, at=format_path(path))
        return made

    # --- what comes to us ---

    @cached_property
    def webhooks(self) -> Webhooks | None:
        """How deliveries are proved and which events they hold; None when the connector does not say. Raises
        ConfigurationError."""
        told = self.data.get("webhooks")
        return None if told is None else self._attempt(("webhooks",), partial(convert, told, Webhooks, at="webhooks"))

    @cached_property
    def events(self) -> tuple[tuple[EventName, UnifiedEvent], ...]:
        """What deliveries tell of unified records, in the documents' order. Raises ConfigurationError."""
        names = event_names(self.data)
        return tuple((name, self._attempt(name.path, partial(self._convert_event, name))) for name in names)

    def _convert_event(self, name: EventName) -> UnifiedEvent:
        return convert(lookup(self.data, name.path), UnifiedEvent, at=format_path(name.path))

    # --- provenance ---

    def origins(self, path: Path_) -> list[Origin]:
        """Who says the value at a path, top level first: the effective one, then what it shadows or builds
        on. The path may be one as written, of a mapping that a resource sets for its operations.
        """
        found: list[Origin] = []
        layers = self.layers if path[3:4] and path[3] in RESOURCE_MAPPINGS else self.expanded
        for said in statements([layer.data for layer in layers], path):
            layer = layers[said.layer]
            if not layer.sets(said.path):
                continue
            source = layer.source(said.path)
            place = source.place(said.path)
            found.append(Origin(layer.level, said.path, said.value, source.document, place, said.shadowed))
        return found

    def provenance(self) -> dict[Path_, Origin]:
        """The effective origin of each leaf of `data`; arrays and composed mappings are one leaf each."""
        return {path: self.origins(path)[0] for path, _ in leaves(self.data)}

    def find_effects(self, written: Path_) -> list[Path_]:
        """Where in `data` what is written at a path stands: for a mapping of a resource, in its operations."""
        if not (written[3:4] and written[3] in RESOURCE_MAPPINGS):
            return [written]
        reached = {source.to: None for layer in self.expanded if layer.of_resources for source in layer.sources}
        return [(*mapping, *written[4:]) for mapping in reached if to_written(mapping) == written[:4]]

    def span(self, path: Path_) -> Span | None:
        """Where the value at a path was set; of the nearest ancestor that was."""
        for end in range(len(path), -1, -1):
            origins = self.origins(path[:end])
            if origins:
                return origins[0].span
        return None

    def dead(self) -> list[Origin]:
        """The override leaves that change nothing."""
        found: dict[tuple[Level, Path_], Origin] = {}
        idle = dead(self._stack)
        for index, path in idle:
            layer = self.expanded[index + len(self.expanded) - len(self._stack)]
            value = lookup(layer.data, path)
            opts_out = value is None and layer.level == "environment" and to_written(path)[3:] in _OPTED_OUT
            if opts_out or repeats_token_url(self._levels, path):
                continue
            written = to_written(path) if layer.of_resources else path
            if layer.of_resources and not self._is_dead_everywhere(
                layer, written, {at for n, at in idle if n == index}
            ):
                continue
            source = layer.source(path)
            found[layer.level, written] = Origin(layer.level, written, value, source.document, source.place(path))
        return list(found.values())

    @staticmethod
    def _is_dead_everywhere(layer: Layer, written: Path_, idle: set[Path_]) -> bool:
        """Whether what a resource sets changes nothing in any operation that it reaches."""
        return all(path in idle for path, _ in leaves(layer.data) if to_written(path) == written)

    def partial_overrides(self) -> list[PartialOverride]:
        """What the highest level changes in some operations of a resource only."""
        return list(find_partial_overrides(self.layers, self.data))

    def idle_mappings(self) -> Iterator[Origin]:
        """The mappings that a resource sets, and that no operation takes."""
        reach = MappingReach(self.layers)
        for number, layer in enumerate(self.layers):
            for resource, key, value in find_resource_mappings(layer.data):
                if not reach.find_reached(number, resource, key):
                    path = (*resource, key)
                    source = layer.source(path)
                    yield Origin(layer.level, path, value, source.document, source.place(path))

    # --- authority ---

    @cached_property
    def granted_hosts(self) -> tuple[str, ...]:
        """Patterns of the hosts that may receive a credential which is stored now."""
        return effective_hosts(self.layers, self.grants.trusted_hosts)

    @cached_property
    def hosts(self) -> tuple[str, ...]:
        """Patterns of the hosts that may receive the credential: those granted that it was stored for."""
        if self._stored_for is None:
            return self.granted_hosts
        return bind_hosts(self.granted_hosts, self._stored_for, self.account or "")

    def bind(self, stored_for: tuple[str, ...]) -> None:
        """Let the credential go only where it was stored for."""
        self._stored_for = stored_for
        self.__dict__.pop("hosts", None)

    @property
    def is_bound(self) -> bool:
        """Whether the account's credential is a stored one, with hosts that it was stored for."""
        return self._stored_for is not None

    def issued_hosts(self) -> tuple[str, ...]:
        """What a credential that is stored for this account now is bound to."""
        own = {name: value for name, value in self.context.items() if name not in self.captured}
        return issued_hosts(self.data, self.granted_hosts, own)

    @cached_property
    def trusted_hosts(self) -> tuple[str, ...]:
        """The hosts and networks that requests may reach although they are internal."""
        return tuple(host.lower() for host in self.grants.trusted_hosts)

    @cached_property
    def env_names(self) -> tuple[str, ...]:
        """The environment variables that credentials and authorization may read."""
        granted = (*self.grants.variables, *self.grants.allowance.env)
        return declared_names(self.layers[0].data, granted)

    def find_widening(self) -> list[Diagnostic]:
        """Overrides that ask for more than the connector grants, and what conn.yaml allows of them."""
        return find_widening(self._levels)

    def stale_token_urls(self) -> list[Diagnostic]:
        """Token requests that an override leaves at the host from which it moves all others."""
        return list(find_stale_token_urls(self._levels))

    @cached_property
    def _levels(self) -> Levels:
        return Levels(self.layers, self.data, self.grants)

    def sets_further_urls(self, operation: VendorOperation) -> bool:
        """Whether an override says where the operation's further requests go: its pages, or those about its job."""
        return sets_further_urls(self._levels, operation.resource, operation.name)

    def check_authority(self) -> None:
        """Raise ConfigurationError when an override asks for more than it may: nothing of it is run then.

        The door stops a credential; it does not stop a request without one to a host that the attacker chose.
        """
        found = [
            one for one in self._authority_findings if one.severity is Severity.ERROR and one.code not in _OWN_HOSTS
        ]
        if found:
            raise ConfigurationError(found[0].message, hint=found[0].hint, findings=found)

    @cached_property
    def _authority_findings(self) -> tuple[Diagnostic, ...]:
        return (*self.find_widening(), *self.stale_token_urls())

    # --- findings ---

    @cached_property
    def findings(self) -> tuple[Diagnostic, ...]:
        """Faults that no document shows alone, and attempts to widen authority."""
        return (*self._merged_findings(), *self._authority_findings)

    def document_findings(self) -> list[Diagnostic]:
        """Faults of the documents it is made of, each by itself."""
        found: list[Diagnostic] = []
        for layer in self.layers:
            for source in layer.sources:
                base = "unified" if source.to[:1] == ("unified",) else "connector"
                found.extend(validate(source.document, _KINDS.get(layer.level, base)))
        return found

    def _merged_findings(self) -> list[Diagnostic]:
        found: dict[tuple[str, Span | None], Diagnostic] = {}
        for at, attempt in self._conversions():
            try:
                attempt()
            except ConversionError as error:
                finding = self._build_finding(at, error)
                found.setdefault((finding.message, finding.span), finding)
        return list(found.values())

    def _conversions(self) -> Iterator[tuple[Path_, Callable[[], object]]]:
        yield from self._shared_conversions()
        yield from ((name.path, self._conversion(name)) for name in self.operations())
        yield from self._event_conversions()

    def _shared_conversions(self) -> Iterator[tuple[Path_, Callable[[], object]]]:
        yield (), partial(convert, self._shared, Configuration)

    def _event_conversions(self) -> Iterator[tuple[Path_, Callable[[], object]]]:
        yield from ((event.path, partial(self._convert_event, event)) for event in event_names(self.data))

    def _conversion(self, name: OperationName) -> Callable[[], object]:
        if name.kind == "vendor":
            return partial(self._convert_vendor, name.resource, name.method)
        return partial(self._convert_unified, name.model, name.resource, name.method)

    @property
    def _shared(self) -> dict[str, Any]:
        """The merged raw configuration without operations."""
        return {**{key: value for key, value in self.data.items() if key != "unified"}, "resources": {}}

    def _build_finding(self, at: Path_, error: ConversionError) -> Diagnostic:
        place = (*at, *error.place)
        if len(at) == 3 and at[0] == "resources" and error.place and error.place[0] in INHERITED:
            place = (*said_at(self.data, str(at[1]), str(at[2]), str(error.place[0])), *error.place[1:])
        return fault(error.reason, place, self._place)

    def _place(self, path: Path_, key: bool) -> Span:
        for end in range(len(path), -1, -1):
            origins = [origin for origin in self.origins(path[:end]) if len(origin.path) == end]
            if origins:
                whole = end == len(path)
                return origins[0].key_span if path[:end] and (key or not whole) else origins[0].span
        return self.layers[0].sources[0].document.span(())

    def _explain_conversion(self, error: ConversionError, at: Path_) -> ConfigurationError:
        """The error of what stands at a path, with findings: of the documents alone, which are worded for people, else
        of what they merge into."""
        merged = self._build_finding(at, error)
        places = [(origin.document.file, format_path(origin.place)) for origin in self.origins(at)] if at else []
        found = [
            finding
            for finding in self.document_findings()
            if finding.severity is Severity.ERROR
            and (not at or finding.span == merged.span or any(_is_within(finding, *place) for place in places))
        ]
        found = sorted(found, key=lambda finding: finding.span != merged.span) or [merged]
        return ConfigurationError(found[0].message, hint=found[0].hint, findings=found)


def _find_defaults(data: Mapping[str, Any]) -> dict[str, Any]:
    """What the connector's `fields` say of values that an account leaves out. Its own document alone: an override
    cannot lead a credential elsewhere by a default."""
    fields = data.get("fields")
    return {
        str(one["name"]): one["default"]
        for one in (fields if isinstance(fields, list) else ())
        if isinstance(one, Mapping)
        and one.get("default") is not None
        and "name" in one
        and one.get("secret") is not True
    }


def _is_within(finding: Diagnostic, file: str, place: str) -> bool:
    """Whether a finding is about what stands at a place of a document, or below it."""
    if finding.span is None or finding.span.file != file:
        return False
    return finding.path == place or finding.path.startswith((f"{place}.", f"{place}["))
