"""Check the keys of a caller's body. An unknown key would otherwise be dropped from the request without notice."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from conn_engine.config import Effective, OperationName, Path_, VendorOperation, lookup
from conn_engine.diagnostics import Diagnostic, diagnostic, did_you_mean
from conn_engine.documents import format_path, iterate_texts
from conn_engine.errors import UsageError
from conn_engine.runtime.body_schemas import SchemaPlace
from conn_engine.runtime.call import Call
from conn_engine.runtime.scope_reads import read_paths
from conn_engine.runtime.unified import find_operation_behind

__all__ = ["check_body", "find_body_reads"]

_MOST_FINDINGS = 10
_MOST_NAMES = 12


def check_body(effective: Effective, name: OperationName, call: Call) -> None:
    """Raise UsageError, with a finding for each, if the body of a call has unknown keys.

    The known keys are the fields of the unified model, what mappings and steps of all levels read, and the properties
    of the operation's `request_schema`. A body that is read or sent in full is checked against `request_schema` only.
    """
    if not isinstance(call.body, Mapping | list):
        return
    vendor = find_operation_behind(effective, name, call)
    schema = effective.schemas.find_schema(vendor.request_schema) if vendor is not None else None
    operation = effective.get_unified(name.model, name.resource, name.method) if name.kind == "unified" else None
    reads = find_body_reads(effective, name, vendor)
    whole = () in reads
    if whole and schema is None:
        return
    model = None
    if operation is not None and operation.record is not None:
        model = effective.schemas.find_record(name.model, operation.record)
    allowed = _Known(reads - {()}, _start_at(model), _start_at(schema), whole, top=True)
    advice = "add it to request_schema if the vendor accepts it" if whole else "map it"
    findings = [_make_finding(name, path, names, advice) for path, names in _find_unknown(call.body, allowed, ())]
    if findings:
        raise UsageError(findings[0].message, hint=findings[0].hint, findings=findings[:_MOST_FINDINGS])


def _make_finding(name: OperationName, path: Path_, names: frozenset[str], advice: str) -> Diagnostic:
    where = format_path(("body", *path[:-1])) if path[1:] else "the body"
    listed = ", ".join(sorted(names)[:_MOST_NAMES]) or "no keys"
    hint = did_you_mean(str(path[-1]), sorted(names)) or f"remove it, or {advice}; {where} can have {listed}"
    message = f'unknown key "{path[-1]}" in {where} of {name.text}'
    return diagnostic("RUN130", message, None, path=format_path(("body", *path)), hint=hint)


def find_body_reads(
    effective: Effective, name: OperationName, vendor: VendorOperation | None
) -> frozenset[tuple[str, ...]]:
    """Return the paths below the caller's body that the configuration reads. `()` is among them if the complete body is
    read, or sent as it is. `vendor` is the operation behind it, None if it is only known at run time."""
    operation = effective.get_unified(name.model, name.resource, name.method) if name.kind == "unified" else None
    mapped = operation is not None and operation.request_body_mapping is not None
    texts = [text for _, text in iterate_texts(lookup(effective.data, name.path))]
    if vendor is not None and not mapped:  # else it sees the body that the mapping makes
        texts += [text for _, text in iterate_texts(lookup(effective.data, vendor.place))]
    paths = (path for text in texts for path in read_paths(text))
    reads = frozenset(path[1:] for path in paths if path[:1] in ((), ("body",)))
    return reads if mapped else reads | {()}


def _start_at(schema: Any) -> tuple[SchemaPlace, ...]:
    return () if schema is None else (SchemaPlace(schema, schema),)


@dataclass(frozen=True, slots=True)
class _Known:
    """The known keys at one place of the body: those that are read, and those in the model's and request's schemas.

    `whole` means that the body is sent as it is, so the request's schema decides. `top` marks the body itself: a
    mapping reads nothing of it but `reads`.
    """

    reads: frozenset[tuple[str, ...]]
    model: tuple[SchemaPlace, ...]
    request: tuple[SchemaPlace, ...]
    whole: bool
    top: bool = False

    @property
    def names(self) -> frozenset[str]:
        """The known keys."""
        places = (*self.model, *self.request)
        return frozenset(path[0] for path in self.reads) | {name for place in places for name in place.names()}

    @property
    def is_open(self) -> bool:
        """Whether other keys are accepted too. If a mapping reads some keys by name, the others are not sent, so they
        are unknown whatever the schemas allow."""
        places = self.request if self.whole else self.model or self.request
        if not self.whole and (self.reads or (self.top and not self.model)):
            return False
        return not places or any(place.is_open() for place in places)

    def get_child(self, key: str) -> "_Known":
        """Return the known keys in the value of a key."""
        return _Known(
            frozenset(path[1:] for path in self.reads if path[0] == key),
            tuple(child for place in self.model for child in place.find_children(key)),
            tuple(child for place in self.request for child in place.find_children(key)),
            self.whole,
        )

    def items(self) -> "_Known":
        """Return the known keys in the items of a list. A body may be a list of records."""
        model = tuple(item for place in self.model for item in place.items())
        request = tuple(item for place in self.request for item in place.items())
        again = self.top
        return replace(self, model=model or self.model * again, request=request or self.request * again)


def _find_unknown(value: Any, allowed: _Known, path: Path_) -> Iterator[tuple[Path_, frozenset[str]]]:
    """Find the path of each unknown key, with the keys that are known next to it."""
    if () in allowed.reads:
        return
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from _find_unknown(item, allowed.items(), (*path, index))
    elif isinstance(value, Mapping):
        names, is_open = allowed.names, allowed.is_open
        for key, item in value.items():
            if key in names:
                yield from _find_unknown(item, allowed.get_child(key), (*path, key))
            elif not is_open:
                yield (*path, key), names
