"""Map the variables of a manifest's templates to names of our expressions, depending on the template's place."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from conn_import.airbyte.jinja import (
    MISSING,
    Cond,
    Default,
    FunctionNode,
    Kind,
    Lit,
    Names,
    Node,
    Not,
    PathNode,
    Root,
    Untranslatable,
    to_node,
    translate,
)
from conn_import.airbyte.settings import ManifestSettings

__all__ = ["ManifestPartition", "PageToken", "TemplateScope"]

_SLICE = ("stream_slice", "stream_partition", "stream_interval")


@dataclass(slots=True)
class ManifestPartition:
    """What a stream repeats over: the manifest's names by ours, and the partition of the parents.

    `extra` maps the name of an additional field of the parent's record to its path.
    """

    names: dict[str, str] = field(default_factory=dict)
    above: "ManifestPartition | None" = None
    extra: dict[str, tuple[str, tuple[str, ...]]] = field(default_factory=dict)
    kinds: dict[str, Kind] = field(default_factory=dict)
    slashes: dict[str, bool] = field(default_factory=dict)
    """Whether values have slashes, by our names, where the manifest writes the values out."""
    batched: bool = False
    open: bool = False
    """Whether names of the parents are also visible: a dynamic stream's templates see those of its component."""

    def list_names(self) -> set[str]:
        """Return every name of this partition and of its parents."""
        return set(self.names.values()) | (self.above.list_names() if self.above else set())


@dataclass(frozen=True, slots=True)
class PageToken:
    """The token of a page as `page` has it; `always` when the first page has one too."""

    name: str
    kind: Kind
    always: bool


@dataclass(slots=True)
class TemplateScope:
    """One stream's names. `at` gives those of a kind of place."""

    settings: ManifestSettings
    parameters: Mapping[str, Any] = field(default_factory=dict)
    partition: ManifestPartition | None = None
    window: tuple[str, str] | None = None
    window_kind: Kind = "text"
    cursor: str = ""
    token: PageToken | None = None
    component: str = ""
    """The name of the value that a dynamic stream is created from."""
    coded: bool = False
    """Whether code decides the content of a slice."""

    def for_config(self) -> Names:
        """Return the names where only the configuration is known and nothing is secret."""
        component: Names = {"components_values": self._read_component} if self.component else {}
        return {
            **component,
            "config": self.settings.translate_visible,
            "parameters": self._read_parameter,
            "options": self._read_parameter,
        }

    def for_credential(self) -> Names:
        """Return the names in an authenticator, where values of the configuration are secret."""
        return {**self.for_config(), "config": self.settings.translate_credential}

    def for_login(self) -> Names:
        """Return the names in the fields of a request for a token or a session."""
        return {**self.for_config(), "config": self.settings.translate_login}

    def for_request(self) -> Names:
        """Return the names in a request, whose secrets the authorization has to send."""
        return {
            **self.for_config(),
            "config": self.settings.translate_in_request,
            **self._build_slice_names(bare=True),
            "next_page_token": self._read_token,
        }

    def for_answer(self) -> Names:
        """Return the names in expressions over a response: pagination and errors."""
        return {
            **self.for_config(),
            **self._build_slice_names(bare=False),
            "response": lambda steps: PathNode("body", steps),
            "headers": _read_header,
            "last_record": lambda steps: PathNode("records", (-1, *steps)),
            "last_page_size": lambda steps: FunctionNode("count", (PathNode("records"),), "int"),
        }

    def for_body(self) -> Names:
        """Return the names where the response's body is the context itself."""
        return {"response": lambda steps: PathNode("", steps)}

    def for_record(self, root: str = "record") -> Names:
        """Return the names in expressions over a record."""
        return {
            **self.for_config(),
            **self._build_slice_names(bare=False),
            "record": lambda steps: PathNode(root, steps, "any" if steps else "object", not steps),
        }

    def has_slash(self, value: PathNode) -> bool | None:
        """Return whether a value of the account or of a partition contains slashes, or None if it is unknown."""
        if value.root == "context":
            return self.settings.has_slash(str(value.steps[0])) if len(value.steps) == 1 else None
        return self.partition.slashes.get(value.root) if self.partition and not value.steps else None

    def _read_component(self, steps: tuple[Any, ...]) -> Node:
        return PathNode("parent", (self.component, *steps), "any" if steps else "object", True)

    def _read_parameter(self, steps: tuple[Any, ...]) -> Node:
        value: Any = self.parameters
        for step in steps:
            if not isinstance(step, str | int):
                raise Untranslatable("a parameter with a computed name")
            value = _get_below(value, step)
        if self.component and isinstance(value, str) and "{{" in value:  # filled in from the stream's component
            return translate(value, {"components_values": self._read_component})
        return MISSING if value is MISSING else to_node(value)

    def _build_slice_names(self, *, bare: bool) -> dict[str, Root]:
        def root(steps: tuple[Any, ...]) -> Node:
            return self._read_slice(steps, bare=bare)

        return {**dict.fromkeys(_SLICE, root), "stream_state": self._read_state}

    def _read_slice(self, steps: tuple[Any, ...], *, bare: bool) -> Node:
        if not steps or not isinstance(steps[0], str):
            raise Untranslatable("the complete slice as one value")
        first, *rest = steps
        if self.window and first in self.window:
            side = "start" if first == self.window[0] else "end"
            return PathNode("window", (side, *rest), self.window_kind, sure=not rest)
        if first in ("cursor_slice", "partition", "_partition") and rest:
            return self._read_slice(tuple(rest), bare=bare)
        if self.coded and not (self.partition and first in self.partition.names):
            raise Untranslatable(f"{first} in a slice that code creates")
        return _read_partition(self.partition, steps, bare=bare)

    def _read_state(self, steps: tuple[Any, ...]) -> Node:
        if self.window is None:
            raise Untranslatable("the state of a stream without a cursor")
        if not steps:
            return PathNode("state", ("cursor",))
        if steps == (self.cursor,):
            return PathNode("window", ("start",), self.window_kind, sure=True)
        raise Untranslatable(f"a part of the state: {steps[0]}")

    def _read_token(self, steps: tuple[Any, ...]) -> Node:
        if self.token is None:
            raise Untranslatable("the page token of a stream without pagination")
        first = PathNode("page", ("first",), "bool", sure=True)
        if not steps:
            return Lit(True) if self.token.always else Not(first)
        if steps[0] != "next_page_token":
            raise Untranslatable(f"a part of the page token: {steps[0]}")
        path = PathNode("page", (self.token.name, *steps[1:]), self.token.kind if not steps[1:] else "any")
        if self.token.always or self.token.name in ("cursor", "url"):
            return path
        return Cond(first, Lit(None), path)


def _get_below(value: Any, key: str | int) -> Any:
    if isinstance(value, list) and isinstance(key, int) and -len(value) <= key < len(value):
        return value[key]
    return value.get(key, MISSING) if isinstance(value, Mapping) else MISSING


def _read_header(steps: tuple[Any, ...]) -> Node:
    names = tuple(one.lower() if isinstance(one, str) and n == 0 else one for n, one in enumerate(steps))
    return PathNode("headers", names, "text" if len(names) == 1 else "any")


def _read_partition(partition: ManifestPartition | None, steps: tuple[Any, ...], *, bare: bool) -> Node:
    first, *rest = steps
    if first == "extra_fields" and rest and rest[0] == "query_properties":
        return _read_extra_field(ManifestPartition(), rest)
    if partition is None:
        return Lit("")
    if first == "parent_slice":
        if not rest:
            raise Untranslatable("the parents' slice as one value")
        return _read_partition(partition.above, tuple(rest), bare=bare)
    if first == "extra_fields" and rest and isinstance(rest[0], str):
        return _read_extra_field(partition, rest)
    if first in partition.names:
        name = partition.names[first]
        kind: Kind = "list" if partition.batched else partition.kinds.get(first, "any")
        kind = kind if not rest else "any"
        return (
            PathNode(name, tuple(rest), kind, not rest)
            if bare
            else PathNode("partition", (name, *rest), kind, not rest)
        )
    if partition.open and partition.above is not None:
        return _read_partition(partition.above, steps, bare=bare)
    return Lit("")  # the kit reads a missing value of a slice as an empty string


def _read_extra_field(partition: ManifestPartition, rest: list[Any]) -> Node:
    if rest[0] == "query_properties":
        return PathNode("chunk", tuple(rest[1:]), "list" if not rest[1:] else "any", sure=True)
    for length in range(len(rest), 0, -1):
        key = ".".join(str(one) for one in rest[:length])
        if key in partition.extra:
            name, place = partition.extra[key]
            return Default(PathNode("parent", (name, *place, *rest[length:])), Lit(None))
    if partition.open and partition.above is not None:
        return _read_extra_field(partition.above, rest)
    return Lit("")
