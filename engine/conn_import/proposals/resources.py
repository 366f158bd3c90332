"""Propose which of a vendor's resources match a model's records, and how their fields map."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from conn_import.proposals.combining import (
    find_flat_addresses,
    find_phone_numbers,
    format_list,
    get_address_kind,
)
from conn_import.proposals.expressions import build_read_expression, build_write_expression
from conn_import.proposals.matching import Fit, ModelField, find_fit, list_model_fields
from conn_import.proposals.vendor_fields import VendorField
from conn_import.proposals.vocabulary import COMMON_FIELDS, CONTACT_PERSONS, NOUNS, PERSON_FIELDS
from conn_import.words import squeeze, to_plural, to_singular, to_snake, to_step

__all__ = ["FieldProposal", "ResourceProposal", "VendorResource", "propose_fields", "propose_resources"]

LEAST = 0.5
"""The confidence from which a field is proposed."""
_LEAST_RESOURCE = 0.57
_FEWEST_FIELDS = 3
_UNSURE = 0.6
"""The similarity up to which a resource's name often means something else."""
_KNOWN_KIND = 0.1
"""What a field of a person or of an organization adds to it."""
_USUAL = ("list", "get", "create", "update", "delete")
_VENDORS_OWN = frozenset({"created_at", "deleted", "id", "remote_status", "updated_at", "url"})
"""Fields that the vendor sets, whatever a write sends."""
_TWICE = frozenset({"remote_status"})


@dataclass(frozen=True, slots=True)
class VendorResource:
    """A resource of a connector: the fields of its records, those that its writes take by operation, the names of
    its operations, the query parameters of the page size by operation, what its writes respond with, and the query
    parameters of the earliest change by operation."""

    name: str
    fields: tuple[VendorField, ...]
    writable: Mapping[str, tuple[VendorField, ...]] = field(default_factory=dict)
    operations: tuple[str, ...] = ()
    size_parameters: Mapping[str, str] = field(default_factory=dict)
    answers: Mapping[str, tuple[VendorField, ...]] = field(default_factory=dict)
    change_parameters: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FieldProposal:
    """A proposed expression for one field of a model, with a confidence from 0 to 1 and its evidence."""

    field: str
    expression: str
    confidence: float
    evidence: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ResourceProposal:
    """A vendor's resource proposed for a record of a model. `bodies` has the fields of each write: the vendor's path
    and its proposal. `missing` has the fields of the model without a proposal."""

    record: str
    resource: str
    vendor: VendorResource
    confidence: float
    evidence: tuple[str, ...]
    fields: tuple[FieldProposal, ...]
    bodies: Mapping[str, tuple[tuple[tuple[str, ...], FieldProposal], ...]]
    missing: tuple[str, ...]
    identifier: tuple[str, ...] = ()

    @property
    def operations(self) -> list[str]:
        """The vendor's operations that the model also has, in the usual order. A create whose response does not
        identify the record is left out."""
        return [
            name
            for name in _USUAL
            if name in self.vendor.operations and not (name == "create" and self.is_without_record(name))
        ]

    def is_without_record(self, operation: str) -> bool:
        """Return whether the response of a write does not have the identifier of the record."""
        answer = self.vendor.answers.get(operation)
        return answer is not None and all(one.path != self.identifier for one in answer)


def propose_fields(
    fields: Sequence[VendorField], schema: Mapping[str, Any], nouns: frozenset[str] = frozenset()
) -> list[FieldProposal]:
    """Propose expressions for the fields of a model's record, in the schema's order. `nouns` are words for the record
    itself."""
    targets = list_model_fields(dict(schema))
    chosen = _choose(targets, fields, nouns)
    return list(_propose_all(targets, chosen, nouns, fields))


def propose_resources(
    resources: Sequence[VendorResource], records: Mapping[str, Mapping[str, Any]]
) -> list[ResourceProposal]:
    """Propose the most similar resource of the vendor for each record of a model (its name to its schema).

    A resource is proposed only once, for the record that it fits best.
    """
    found = [
        proposal
        for record, schema in records.items()
        for resource in resources
        if (proposal := _propose(resource, record, schema)) is not None
    ]
    found.sort(key=lambda one: (-one.confidence, one.vendor.name.count("_"), one.vendor.name, one.record))
    best: dict[str, ResourceProposal] = {}
    used: set[str] = set()
    for one in found:
        if one.record not in best and one.vendor.name not in used:
            best[one.record] = one
            used.add(one.vendor.name)
    return [best[record] for record in records if record in best]


def _propose(resource: VendorResource, record: str, schema: Mapping[str, Any]) -> ResourceProposal | None:
    named, why = _compare_nouns(resource.name, record)
    if not named or not {"list", "get"} & set(resource.operations):
        return None
    targets = list_model_fields(dict(schema))
    nouns = frozenset({*_list_words(record), *to_snake(to_singular(resource.name)).split("_")})
    chosen = _choose(targets, resource.fields, nouns)
    lacking = [one.name for one in targets if one.required and one.name not in chosen]
    if lacking or len(chosen) < min(_FEWEST_FIELDS, len(targets)):
        return None
    fields = tuple(_propose_all(targets, chosen, nouns, resource.fields))
    share = len(fields) / len(targets)
    mean = sum(one.confidence for one in fields) / len(fields)
    if named <= _UNSURE:
        fitting, evidence = _judge_kind(record, resource, chosen)
        if not fitting:
            return None
        named, why = (named + _KNOWN_KIND, f"{why}, with {evidence}") if evidence else (named, why)
    confidence = round(0.5 * named + 0.3 * mean + 0.2 * share, 2)
    if confidence < _LEAST_RESOURCE:
        return None
    bodies = {
        name: tuple(_propose_body(targets, taken, nouns, is_update=name == "update"))
        for name, taken in resource.writable.items()
        if name in _USUAL
    }
    return ResourceProposal(
        record,
        to_plural(record),
        resource,
        confidence,
        (why, f"{len(fields)} of {len(targets)} fields"),
        fields,
        {name: body for name, body in bodies.items() if body},
        tuple(one.name for one in targets if one.name not in {field.field for field in fields}),
        chosen["id"][1].source.path if "id" in chosen else (),
    )


def _judge_kind(record: str, resource: VendorResource, chosen: Collection[str]) -> tuple[bool, str]:
    """Judge by its fields whether a resource whose name often means something else is a record of the model. Return
    whether it may be, and the field that shows it, or "". `chosen` are the fields of the model that it has."""
    if not set(chosen) - COMMON_FIELDS:
        return False, ""
    persons = sorted(PERSON_FIELDS.intersection(chosen))
    contacts = [
        one.path[0] for one in resource.fields if len(one.path) == 1 and squeeze(one.path[0]) in CONTACT_PERSONS
    ]
    if record == "contact":
        return bool(persons) or not contacts, next(iter(persons), "")
    if record == "company":
        return not persons, next(iter(contacts), "")
    return True, ""


def _list_words(record: str) -> frozenset[str]:
    sure, unsure = NOUNS.get(record, ((), ()))
    return frozenset({record, *sure, *unsure})


def _compare_nouns(resource: str, record: str) -> tuple[float, str]:
    """Return how similar a resource's name is to a record's."""
    whole = to_singular(resource)
    last = to_singular(resource.rpartition("_")[2])
    sure, unsure = NOUNS.get(record, ((), ()))
    for words, score in (((record,), 1.0), (sure, 0.9), (unsure, 0.6)):
        if whole in words:
            return score, f"{resource} is a synonym" if score < 1 else f"named {resource}"
        if last in words:
            return score * 0.8, f"{resource} ends with a word for it"
    return 0.0, ""


def _choose(
    targets: Sequence[ModelField], fields: Sequence[VendorField], nouns: frozenset[str]
) -> dict[str, tuple[ModelField, Fit]]:
    """Choose the best fit for each of the model's fields. A field is used once, or once as a value and once as a
    list."""
    rows = [
        (-fit.confidence, len(source.path), order, place, target, fit)
        for order, target in enumerate(targets)
        for place, source in enumerate(fields)
        if (fit := find_fit(target, source, nouns)) is not None and fit.confidence >= LEAST
    ]
    rows.sort(key=lambda row: row[:4])
    chosen: dict[str, tuple[ModelField, Fit]] = {}
    used: set[tuple[tuple[str, ...], bool]] = set()
    for *_, target, fit in rows:
        mark = (fit.source.path, target.kind == "array")
        if target.name in chosen or (mark in used and target.name not in _TWICE):
            continue
        chosen[target.name] = (target, fit)
        used.add(mark)
    _choose_first_name(targets, chosen)
    return chosen


def _choose_first_name(targets: Sequence[ModelField], chosen: dict[str, tuple[ModelField, Fit]]) -> None:
    """Take the vendor's `name` as the first name, if there is a last name next to it and no first name."""
    target = next((one for one in targets if one.name == "first_name"), None)
    if target is None or "first_name" in chosen or not {"name", "last_name"} <= chosen.keys():
        return
    name, last = chosen["name"][1].source, chosen["last_name"][1].source
    if squeeze(name.path[-1]) == "name" and name.path[:-1] == last.path[:-1]:
        del chosen["name"]
        chosen["first_name"] = (target, Fit(name, 0.7, (f"name next to {last.path[-1]}",)))


def _propose_all(
    targets: Sequence[ModelField],
    chosen: Mapping[str, tuple[ModelField, Fit]],
    nouns: frozenset[str],
    fields: Sequence[VendorField],
) -> Iterator[FieldProposal]:
    row: dict[str, FieldProposal] = {}
    for name, (target, fit) in chosen.items():
        inner = _match_inner(target, fit, nouns)
        if inner is not None:
            expression = build_read_expression(target, fit.source, inner)
            if expression:
                row[name] = FieldProposal(name, expression, fit.confidence, fit.evidence)
    for target in targets:
        if combined := _propose_combined(target, chosen, fields, nouns):
            row[target.name] = combined
    for target in targets:
        proposal = (
            row.get(target.name) or _propose_joined_name(target, row) or _propose_first_of_list(target, targets, row)
        )
        if proposal is not None:
            yield proposal


def _propose_combined(
    target: ModelField,
    chosen: Mapping[str, tuple[ModelField, Fit]],
    fields: Sequence[VendorField],
    nouns: frozenset[str],
) -> FieldProposal | None:
    """Propose a list from several fields of the vendor, unless one of its lists was chosen."""
    source = chosen[target.name][1].source if target.name in chosen else None
    if target.item_kind != "object" or (source is not None and (source.kind == "array" or len(source.path) > 1)):
        return None
    if target.name == "phone_numbers" and (source is None or source.kind == "string"):
        rows = find_phone_numbers(target, fields, nouns)
        if len(rows) > (1 if source is not None else 0):
            names = ", ".join(row["number"].removeprefix("response.") for row in rows)
            return FieldProposal(target.name, format_list(rows, ("number",)), 0.7, (f"the numbers {names}",))
    if target.name == "addresses" and source is None:
        rows = find_flat_addresses(target, fields, nouns)
        if rows:
            needed = ("street_1", "city", "postal_code")
            return FieldProposal(target.name, format_list(rows, needed), 0.7, ("parts of an address",))
    if target.name == "addresses":
        return _propose_address_objects(target, fields, nouns)
    return None


def _propose_address_objects(
    target: ModelField, fields: Sequence[VendorField], nouns: frozenset[str]
) -> FieldProposal | None:
    """Propose a list of several objects that are named as addresses, with their kinds."""
    rows = []
    for one in fields:
        kind = get_address_kind(one, nouns) if one.kind == "object" and len(one.path) == 1 else None
        if kind is not None and (inner := _match_inner(target, Fit(one, LEAST, ()), nouns)):
            made = build_read_expression(target, one, inner)[1:-1]
            typed = f"'type': '{kind}', " if kind and any(part.name == "type" for part in target.inner) else ""
            start = len(f"response.{to_step(one.path[0])}.{{")
            rows.append(f"{made[:start]}{typed}{made[start:]}")
    if len(rows) < len(("billing", "shipping")):
        return None
    return FieldProposal(target.name, f"[{', '.join(rows)}]", 0.7, (f"{len(rows)} objects named as addresses",))


def _match_inner(target: ModelField, fit: Fit, nouns: frozenset[str]) -> list[tuple[ModelField, Fit]] | None:
    """Match the fields of a list's objects. Returns None if the objects cannot be built."""
    if target.item_kind != "object" or not fit.source.inner:
        return []
    found = _choose(target.inner, fit.source.inner, nouns | {to_singular(fit.source.path[-1])})
    needed = [one for one in target.inner if one.required]
    value = next((one for one in fit.source.inner if one.path == ("value",)), None)
    if len(needed) == 1 and value is not None:
        found.setdefault(needed[0].name, (needed[0], Fit(value, LEAST, ())))
    usable = bool(found) and all(one.name in found for one in needed)
    return [found[one.name] for one in target.inner if one.name in found] if usable else None


def _propose_joined_name(target: ModelField, made: Mapping[str, FieldProposal]) -> FieldProposal | None:
    """Propose a full name from its two parts."""
    parts = [made[name] for name in ("first_name", "last_name") if name in made]
    if target.name != "name" or len(parts) < len(("first_name", "last_name")):
        return None
    joined = f"$join([{', '.join(one.expression for one in parts)}][$ != null and $ != ''], ' ')"
    return FieldProposal("name", joined, round(min(one.confidence for one in parts) - 0.1, 2), ("first and last name",))


def _propose_first_of_list(
    target: ModelField, targets: Sequence[ModelField], made: Mapping[str, FieldProposal]
) -> FieldProposal | None:
    """Propose the first item of a list for a single value: the first of `emails` as `email`."""
    holder = next((one for one in targets if one.name == f"{target.name}s" and one.name in made), None)
    needed = [one.name for one in holder.inner if one.required] if holder is not None else []
    if holder is None or len(needed) != 1 or target.kind != "string":
        return None
    known = made[holder.name]
    expression = f"({known.expression})[0].{needed[0]}"
    return FieldProposal(target.name, expression, round(known.confidence - 0.1, 2), (f"the first of {holder.name}",))


def _propose_body(
    targets: Sequence[ModelField], taken: Sequence[VendorField], nouns: frozenset[str], *, is_update: bool
) -> Iterator[tuple[tuple[str, ...], FieldProposal]]:
    """Propose the fields of a write's body from the model's fields, and the identifier if an update requires it."""
    for name, (target, fit) in _choose(targets, [one for one in taken if not one.read_only], nouns).items():
        expression = build_write_expression(target, fit.source)
        if expression and name not in _VENDORS_OWN:
            yield fit.source.path, FieldProposal(name, expression, fit.confidence, fit.evidence)
        elif name == "id" and is_update and fit.source.required:
            identifier = "$number(id)" if fit.source.kind in ("integer", "number") else "id"
            evidence = (*fit.evidence, "required in the body")
            yield fit.source.path, FieldProposal(name, identifier, fit.confidence, evidence)
