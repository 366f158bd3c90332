"""The effective configuration of one connector for one account: three levels merged, typed on demand, with provenance.

Models are created lazily, operation by operation. `load` finds and reads files; nothing here sends anything.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from copy import copy
from functools import cached_property, partial
from typing import Any, TypeVar

from msgspec import structs

from conn_engine.auth import Credentials, add_supplied_values, choose_credentials, read_secret_fields
from conn_engine.conditions import Conditions
from conn_engine.config.authority import declared_names, find_widening
from conn_engine.config.base_references import find_readers
from conn_engine.config.convert import ConversionError, convert
from conn_engine.config.disabled_operations import DisabledOperations
from conn_engine.config.dotted_places import format_place
from conn_engine.config.dropped_settings import find_dropped_settings
from conn_engine.config.endpoints import find_stale_token_urls, repeats_token_url, sets_further_urls
from conn_engine.config.expression_texts import collect_expressions
from conn_engine.config.faults import to_finding
from conn_engine.config.grants import Grants, Levels
from conn_engine.config.hidden_settings import find_hidden_settings, find_unused_defaults
from conn_engine.config.host_patterns import effective_hosts
from conn_engine.config.inheritance import said_at
from conn_engine.config.issued_hosts import issued_hosts
from conn_engine.config.literals import literal_secrets
from conn_engine.config.merge import (
    INHERITED,
    MISSING,
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
    singular,
    vendor_operation,
)
from conn_engine.config.origins import Layer, Level, Origin
from conn_engine.config.partial_overrides import PartialOverride, find_partial_overrides
from conn_engine.config.reads import is_expression
from conn_engine.config.record_schemas import SchemaFiles
from conn_engine.config.resource_mappings import MappingReach, expand, find_resource_mappings, merge_base, to_written
from conn_engine.config.short_form import find_canonical
from conn_engine.config.unknown_places import find_unknown_places
from conn_engine.config.validate import validate
from conn_engine.diagnostics import Diagnostic, Severity, Span, diagnostic
from conn_engine.documents import format_path, iterate_texts
from conn_engine.errors import ConfigurationError, DisabledError
from conn_engine.expressions import Mapping as Mapping_
from conn_engine.expressions import compile_mapping
from conn_engine.transport.hosts import bind_hosts
from conn_engine.webhooks import Webhooks

__all__ = ["Effective"]

T = TypeVar("T")
_OPTED_OUT = tuple((key,) for key in RESOURCE_MAPPINGS)  # an account may set it on the resource
_OWN_HOSTS = frozenset({"SEC112", "SEC160"})
"""About the hosts of the connector itself: the gateway refuses every request that they concern."""

_KINDS: dict[Level, str] = {"environment": "environment", "account": "account"}


class Effective:
    """The configuration of one connector, in one environment, for one account.

    `account` and `environment` are names, None for an absent level. `context` has the account's own values, and the
    connector's `defaults` for the others. `grants` is what conn.yaml grants in addition to the connector. `schemas` has
    the files of JSON Schemas that it may refer to. `evaluator` is the one that conn.yaml selects; empty for the
    preferred one. `data` is the merged raw configuration: the connector's keys, and
    `unified.<model>.<resource>.<method>`.
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
        self.conditions = Conditions(evaluator=evaluator)
        """Those of the expressions that the configuration itself evaluates: which credentials an account has, the hosts
        of its credential, an operation's route. A session's run is `under` its own."""
        self.account = account
        self.environment = environment
        self._own = frozenset(context or {})
        self.defaults = _find_defaults(layers[0].data)
        """The values of `fields` to use if an account sets none."""
        self.context = self._with_defaults(context or {})
        self.captured: frozenset[str] = frozenset()
        """The names in `context` that a login found."""
        self.layers = tuple(layers)
        self.grants = grants or Grants(environment=environment)
        self.schemas = schemas or SchemaFiles()
        self._stored_for: tuple[str, ...] | None = None
        self._vendor: dict[tuple[str, str], VendorOperation] = {}
        self._chosen: dict[tuple[str, str], VendorOperation] = {}
        self._unified: dict[tuple[str, str, str], UnifiedOperation] = {}
        self._mappings: dict[tuple[str, str, str], Mapping_] = {}
        self._compiled: dict[str, tuple[Any, Mapping_]] = {}

    @cached_property
    def data(self) -> dict[str, Any]:
        """The merged raw configuration. It is shared: do not change it."""
        merged: dict[str, Any] = merge(self._stack)
        return merged

    @cached_property
    def expanded(self) -> tuple[Layer, ...]:
        """The levels as they are merged, with the mappings of resources expanded into their operations."""
        return expand(self.layers)

    @cached_property
    def _stack(self) -> list[dict[str, Any]]:
        base, length = merge_base(self.expanded)
        return [base, *(layer.data for layer in self.expanded[length:])]

    @cached_property
    def literals(self) -> tuple[tuple[Path_, str], ...]:
        """The path and text of each secret written into it."""
        return tuple(literal_secrets(self.data))

    @cached_property
    def base_expressions(self) -> frozenset[str]:
        """Every expression of the connector itself, and its other strings, which are not expressions anywhere."""
        return collect_expressions(self.layers[0].data)

    @cached_property
    def own_expressions(self) -> frozenset[str]:
        """Every expression, and string with one, that an environment or the account sets."""
        texts = (pair for layer in self.expanded if layer.level != "base" for pair in iterate_texts(layer.data))
        return frozenset(text for path, text in texts if "{{" in text or is_expression(Configuration, path))

    @cached_property
    def connector(self) -> Configuration:
        """The connector without its operations and webhooks, typed, so that a fault in one of those affects nothing
        else. Raises ConfigurationError."""
        typed = self._typed
        own = self._with_secret_fields(typed.credentials)
        if own is None:
            return typed
        return structs.replace(typed, credentials=choose_credentials(own, self.context, self.conditions))

    @cached_property
    def _typed(self) -> Configuration:
        """The same in any context: a choice of credentials is not resolved."""
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
        """Add the values that a login found (by name) to `context`; the account's document takes precedence. Scopes
        that contain the context see them immediately."""
        if isinstance(captured, dict):
            self.context.update({name: value for name, value in captured.items() if name not in self._own})
            self.captured = frozenset(captured) - self._own

    def in_context(self, context: Mapping[str, Any]) -> "Effective":
        """Return the same configuration with this context. What does not depend on the context is computed once for
        all."""
        variant = self._copy_unchosen()
        variant.context = self._with_defaults(context)
        return variant

    def with_conditions(self, conditions: Conditions) -> "Effective":
        """Return the same configuration with these conditions for the expressions that it evaluates itself."""
        variant = self._copy_unchosen()
        variant.conditions = conditions
        return variant

    def _copy_unchosen(self) -> "Effective":
        with suppress(ConfigurationError):  # raised when it is used
            _ = self.hosts, self.env_names, self._typed
        variant = copy(self)
        variant._chosen = {}
        variant.__dict__.pop("connector", None)
        return variant

    def with_layers(self, layers: Sequence[Layer]) -> "Effective":
        """Return the same connector, account and environment with these layers."""
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
        variant._own, variant.captured, variant.conditions = self._own, self.captured, self.conditions
        return variant

    def with_unified(self, name: OperationName, operation: UnifiedOperation) -> "Effective":
        """Return the same configuration with another form of one unified operation, for a replay."""
        variant = copy(self)
        key = (name.model, name.resource, name.method)
        variant._unified = {**self._unified, key: operation}
        variant._mappings = {known: mapping for known, mapping in self._mappings.items() if known != key}
        return variant

    def check(self) -> None:
        """Raise ConfigurationError, with a finding for each fault, unless every operation can be used."""
        for at, attempt in self._conversions():
            self._attempt(at, attempt)

    def check_shared(self) -> None:
        """Raise ConfigurationError, with a finding for each fault, unless the settings outside of operations can be
        used."""
        for at, attempt in (*self._shared_conversions(), *self._event_conversions()):
            self._attempt(at, attempt)

    def check_operation(self, name: OperationName) -> None:
        """Raise ConfigurationError, with a finding for each fault, unless the operation can be used."""
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
            self._attempt(path, partial(convert, strange, kind, at=format_place(path)))

    def _attempt(self, at: Path_, attempt: Callable[[], T]) -> T:
        try:
            return attempt()
        except ConversionError as error:
            raise self._explain_conversion(error, at) from None

    # --- operations ---

    def operations(self) -> list[OperationName]:
        """Return every operation, unified ones first."""
        return list(self._names)

    @cached_property
    def _names(self) -> list[OperationName]:
        return operation_names(self.data)

    def enabled_operations(self) -> list[OperationName]:
        """Return every operation that can be called, unified ones first."""
        return [name for name in self._names if self._disabled.find_cause(name) is None]

    @cached_property
    def _disabled(self) -> DisabledOperations:
        return DisabledOperations(self.data, self._names)

    def explain_disabled(self, name: OperationName) -> Diagnostic | None:
        """Return REF140 at the `enabled: false` because of which an operation cannot be called; None if it can."""
        cause = self._disabled.find_cause(name)
        if cause is None:
            return None
        path = (*cause.path, "enabled")
        origin = self.origins(path)[0]
        reason = f"disabled by {origin.span.file}:{origin.span.line}"
        above = ""
        if self.account is not None and origin.level != "account":
            above = f", or set {format_place(path)} to true in the override of accounts/{self.account}.yaml"
        return diagnostic(
            "REF140",
            f"{name.text} is {reason}" if cause == name else f"{name.text} calls {cause.text}, which is {reason}",
            origin.span,
            path=format_place(path),
            hint=f"to enable it, remove this line{above}",
        )

    def check_enabled(self, name: OperationName) -> None:
        """Raise DisabledError if an operation cannot be called because it, or one that it calls, is disabled."""
        finding = self.explain_disabled(name)
        if finding is not None:
            cause = self._disabled.find_cause(name) or name
            raise DisabledError(finding.message, disabled=cause.text, hint=finding.hint, findings=[finding])

    def resolve(self, text: str, raw: bool = False) -> OperationName:
        """Return the operation that a string refers to. Raises UsageError when it is unknown or ambiguous."""
        return resolve_name(self.operations(), text, connector=self.connector_name, raw=raw)

    def vendor(self, resource: str, method: str) -> VendorOperation:
        """Return a vendor operation with everything inherited. Raises UsageError when it does not exist."""
        if (resource, method) not in self._chosen:
            self._check_entries(("resources", resource), Resource)
        return self._attempt(("resources", resource, method), partial(self._convert_vendor, resource, method))

    def vendor_operations(self) -> Iterator[VendorOperation]:
        """Yield every usable vendor operation, in the order of the documents. The faults of the others are in
        `findings`."""
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
            self._chosen[key] = self.choose_credentials(self._vendor[key])
        return self._chosen[key]

    def choose_credentials(self, operation: VendorOperation) -> VendorOperation:
        """Return the operation with the credentials that this account uses."""
        credentials = self._with_secret_fields(operation.credentials) or operation.credentials
        chosen = choose_credentials(credentials, self.context, self.conditions)
        return operation if chosen is operation.credentials else operation.with_credentials(chosen)

    def get_unified(self, model: str, resource: str, method: str) -> UnifiedOperation | None:
        """Return a unified operation with `resource`, `method` and `record` filled in; None when it does not exist."""
        if (model, resource, method) not in self._unified:
            self._check_entries(("unified", model, resource), UnifiedResource)
        attempt = partial(self._convert_unified, model, resource, method)
        return self._attempt(("unified", model, resource, method), attempt)

    def unified_operations(self) -> Iterator[tuple[OperationName, UnifiedOperation]]:
        """Yield every usable unified operation with its name, in the order of the documents. The faults of the others
        are in `findings`."""
        for name in self.operations():
            if name.kind == "unified":
                try:
                    operation = self._convert_unified(name.model, name.resource, name.method)
                except ConversionError:
                    continue
                if operation is not None:
                    yield name, operation

    def response_mapping(self, model: str, resource: str, method: str) -> Mapping_ | None:
        """Return the response mapping of a unified operation, compiled once; None when it has none. Raises
        ExpressionError."""
        key = (model, resource, method)
        if key not in self._mappings:
            operation = self.get_unified(*key)
            layers = mapping_layers(operation.response_mapping) if operation is not None else []
            if not layers:
                return None
            self._mappings[key] = compile_mapping(layers)
        return self._mappings[key]

    def compile_once(self, place: str, value: Any) -> Mapping_:
        """Return another mapping of an operation, compiled once. `value` is what stands at `place`. Raises
        ExpressionError."""
        known = self._compiled.get(place)
        if known is None or known[0] is not value:
            known = self._compiled[place] = (value, compile_mapping(mapping_layers(value)))
        return known[1]

    def _convert_unified(self, model: str, resource: str, method: str) -> UnifiedOperation | None:
        path = ("unified", model, resource, method)
        key = (model, resource, method)
        if key in self._unified:
            return self._unified[key]
        own = lookup(self.data, path)
        if not isinstance(own, dict) or method in UnifiedResource.__struct_fields__:
            return None
        shared = lookup(self.data, path[:3])
        record = shared.get("record")
        filled = {
            "on_error": shared.get("on_error"),
            "resource": resource,
            "method": method,
            "record": record if isinstance(record, str) else singular(resource),
            **{name: value for name, value in own.items() if value is not None},
        }
        made = self._unified[key] = convert(filled, UnifiedOperation, at=format_place(path))
        return made

    # --- webhooks ---

    @cached_property
    def webhooks(self) -> Webhooks | None:
        """How deliveries are verified and which events they contain; None when the connector declares none. Raises
        ConfigurationError."""
        data = self.data.get("webhooks")
        return None if data is None else self._attempt(("webhooks",), partial(convert, data, Webhooks, at="webhooks"))

    @cached_property
    def events(self) -> tuple[tuple[EventName, UnifiedEvent], ...]:
        """The unified events that deliveries report, in the order of the documents. Raises ConfigurationError."""
        names = event_names(self.data)
        return tuple((name, self._attempt(name.path, partial(self._convert_event, name))) for name in names)

    def _convert_event(self, name: EventName) -> UnifiedEvent:
        return convert(lookup(self.data, name.path), UnifiedEvent, at=format_place(name.path))

    # --- provenance ---

    def origins(self, path: Path_) -> list[Origin]:
        """Return the levels that set the value at a path, top level first: the effective one, then those that it
        overrides or builds on. The path may be that of a mapping that a resource sets for its operations."""
        origins_found: list[Origin] = []
        layers = self.layers if path[3:4] and path[3] in RESOURCE_MAPPINGS else self.expanded
        for statement in statements([layer.data for layer in layers], path):
            layer = layers[statement.layer]
            if not layer.sets(statement.path):
                continue
            source = layer.source(statement.path)
            place = source.place(statement.path)
            origins_found.append(
                Origin(layer.level, statement.path, statement.value, source.document, place, statement.overridden)
            )
        return origins_found

    def find_base_readers(self, path: Path_) -> list[list[Path_]]:
        """Return, for each of the path's `origins`, where higher levels read its overridden value through `$base`."""
        layers = self.layers if path[3:4] and path[3] in RESOURCE_MAPPINGS else self.expanded
        data = [layer.data for layer in layers]
        return [
            find_readers(data, path, value) if value.overridden else []
            for value in statements(data, path)
            if layers[value.layer].sets(value.path)
        ]

    def provenance(self) -> dict[Path_, Origin]:
        """Return the effective origin of each leaf of `data`. An array or a combined mapping is one leaf."""
        return {path: self.origins(path)[0] for path, _ in leaves(self.data)}

    def find_canonical(self, path: Path_) -> Path_:
        """Return the path in `data` of a path as people write it: settings of a strategy next to `format`, aliases."""
        return find_canonical(path, self.data, Configuration)

    def find_written(self, origin: Origin) -> Path_:
        """Return the path at which an override can set what this level sets: that of the resource, if it sets a
        mapping for its operations."""
        data = next(layer.data for layer in self.layers if layer.level == origin.level)
        return origin.path if lookup(data, origin.path) is not MISSING else to_written(origin.path)

    def find_effects(self, written: Path_) -> list[Path_]:
        """Return the paths in `data` that a path in a document sets: for a mapping of a resource, those in its
        operations."""
        if not (written[3:4] and written[3] in RESOURCE_MAPPINGS):
            return [written]
        reached = {source.to: None for layer in self.expanded if layer.of_resources for source in layer.sources}
        return [(*mapping, *written[4:]) for mapping in reached if to_written(mapping) == written[:4]]

    def span(self, path: Path_) -> Span | None:
        """Return where the value at a path was set, or that of the nearest ancestor that was."""
        for end in range(len(path), -1, -1):
            origins = self.origins(path[:end])
            if origins:
                return origins[0].span
        return None

    def dead(self) -> list[Origin]:
        """Return the leaves of overrides that change nothing."""
        found: dict[tuple[Level, Path_], Origin] = {}
        idle = dead(self._stack)
        reach = MappingReach(self.layers)
        for index, path in idle:
            layer = self.expanded[index + len(self.expanded) - len(self._stack)]
            value = lookup(layer.data, path)
            opts_out = value is None and layer.level == "environment" and to_written(path)[3:] in _OPTED_OUT
            opts_in = not layer.of_resources and reach.ends_opt_out(layer.level, path)
            if opts_out or opts_in or repeats_token_url(self._levels, path):
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
        """Return whether a resource's setting changes nothing in any operation that it applies to."""
        return all(path in idle for path, _ in leaves(layer.data) if to_written(path) == written)

    def find_ineffective_overrides(self) -> list[Diagnostic]:
        """Return findings for what the highest level sets without an effect, for some operations only, or instead of
        settings below that it may not mean to drop."""
        operations = [one for one in self.vendor_operations() if not self.explain_disabled(one.operation_name)]
        idle = {origin.path for origin in self.dead()}
        return [
            *find_unknown_places(self.layers),
            *find_hidden_settings(self.layers, operations, idle),
            *find_unused_defaults(self.layers),
            *find_dropped_settings(self.layers),
        ]

    def partial_overrides(self) -> list[PartialOverride]:
        """Return what the highest level changes in only some operations of a resource."""
        return list(find_partial_overrides(self.layers, self.data))

    def idle_mappings(self) -> Iterator[Origin]:
        """Yield the mappings that a resource sets and that no operation uses."""
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
        """Patterns of the hosts that may receive a credential that is stored now."""
        return effective_hosts(self.layers, self.grants.trusted_hosts)

    @cached_property
    def hosts(self) -> tuple[str, ...]:
        """Patterns of the hosts that may receive the credential: the granted ones that it was stored for."""
        if self._stored_for is None:
            return self.granted_hosts
        return bind_hosts(self.granted_hosts, self._stored_for, self.account or "")

    def bind(self, stored_for: tuple[str, ...]) -> None:
        """Restrict the credential to the hosts it was stored for."""
        self._stored_for = stored_for
        self.__dict__.pop("hosts", None)

    @property
    def is_bound(self) -> bool:
        """Whether the account's credential is stored, with the hosts it was stored for."""
        return self._stored_for is not None

    def issued_hosts(self) -> tuple[str, ...]:
        """Return the hosts that a credential stored for this account now is bound to."""
        own = {name: value for name, value in self.context.items() if name not in self.captured}
        return issued_hosts(self.data, self.granted_hosts, own, self.conditions)

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
        """Return findings for overrides that need more than the connector grants, and for what conn.yaml allows of
        them."""
        return find_widening(self._levels)

    def stale_token_urls(self) -> list[Diagnostic]:
        """Return findings for token requests that an override leaves on the host that it moves all others away from."""
        return list(find_stale_token_urls(self._levels))

    @cached_property
    def _levels(self) -> Levels:
        return Levels(self.layers, self.data, self.grants)

    def sets_further_urls(self, operation: VendorOperation) -> bool:
        """Return whether an override sets where the operation's further requests go: those for its pages or its job."""
        return sets_further_urls(self._levels, operation.resource, operation.name)

    def check_authority(self) -> None:
        """Raise ConfigurationError when an override needs more than it may have: then nothing is run.

        The gateway stops a credential, but not a request without one to a host that an attacker chose.
        """
        found = [
            finding
            for finding in self._authority_findings
            if finding.severity is Severity.ERROR and finding.code not in _OWN_HOSTS
        ]
        if found:
            raise ConfigurationError(found[0].message, hint=found[0].hint, findings=found)

    @cached_property
    def _authority_findings(self) -> tuple[Diagnostic, ...]:
        return (*self.find_widening(), *self.stale_token_urls())

    # --- findings ---

    @cached_property
    def findings(self) -> tuple[Diagnostic, ...]:
        """Faults that no single document shows, and attempts to widen authority."""
        return (*self._merged_findings(), *self._authority_findings)

    def document_findings(self) -> list[Diagnostic]:
        """Return the faults of each document by itself."""
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
        return to_finding(error.reason, place, self._place)

    def _place(self, path: Path_, key: bool) -> Span:
        for end in range(len(path), -1, -1):
            origins = [origin for origin in self.origins(path[:end]) if len(origin.path) == end]
            if origins:
                whole = end == len(path)
                return origins[0].key_span if path[:end] and (key or not whole) else origins[0].span
        return self.layers[0].sources[0].document.span(())

    def _explain_conversion(self, error: ConversionError, at: Path_) -> ConfigurationError:
        """Return the error for invalid data at a path, with findings: those of the documents, which are worded for
        people, else that of the merged data."""
        merged = self._build_finding(at, error)
        places = [
            (origin.document.file, place)
            for origin in (self.origins(at) if at else ())
            for place in _list_places(origin)
        ]
        found = [
            finding
            for finding in self.document_findings()
            if finding.severity is Severity.ERROR
            and (not at or finding.span == merged.span or any(_is_within(finding, *place) for place in places))
        ]
        found = sorted(found, key=lambda finding: finding.span != merged.span) or [merged]
        return ConfigurationError(found[0].message, hint=found[0].hint, findings=found)


def _find_defaults(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of the connector's `fields` for an account that leaves them out. Only the connector's own
    document counts, so that an override cannot redirect a credential with a default."""
    fields = data.get("fields")
    return {
        str(field["name"]): field["default"]
        for field in (fields if isinstance(fields, list) else ())
        if isinstance(field, Mapping)
        and field.get("default") is not None
        and "name" in field
        and field.get("secret") is not True
    }


def _list_places(origin: Origin) -> Iterator[str]:
    """Yield how findings of its document call the place of an origin."""
    if origin.level == "base":
        yield format_path(origin.place)
    else:
        yield from map(format_place, (origin.path, to_written(origin.path)))


def _is_within(finding: Diagnostic, file: str, place: str) -> bool:
    """Return whether a finding is about a path of a document, or below it."""
    if finding.span is None or finding.span.file != file:
        return False
    return finding.path == place or finding.path.startswith((f"{place}.", f"{place}["))
