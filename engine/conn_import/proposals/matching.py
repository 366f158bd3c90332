"""Compare a vendor's field with a model's field by name, type, format, description and values, and give the evidence.
The same input always gives the same result."""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from conn_engine.analysis.drift.contract import Shape
from conn_import.proposals.vendor_fields import VendorField
from conn_import.proposals.vocabulary import QUALIFIERS, SYNONYMS, WRAPPERS
from conn_import.words import squeeze, to_singular, to_snake

__all__ = ["Fit", "ModelField", "find_fit", "find_pair", "find_single_value", "list_model_fields"]

_ADDRESS = 0.5
"""The confidence from values alone, for email addresses, which look like nothing else."""
_LEAST_WORDS = 2
_ENOUGH_WORDS = 3
_KINDS = frozenset({"category", "kind", "type"})
"""Words that make a field another one: an `ownerTypeId` does not identify an owner."""
_SCALARS = frozenset({"string", "integer", "number", "boolean"})
_STOP = frozenset({
    "all", "and", "any", "are", "been", "can", "field", "for", "from", "has", "have", "its", "may", "not", "null",
    "one", "that", "the", "this", "was", "when", "where", "which", "who", "will", "with", "you", "your",
})  # fmt: skip
_PATTERNS = {
    "email": re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+"),
    "date": re.compile(r"\d{4}-\d{2}-\d{2}"),
    "date-time": re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}"),
    "url": re.compile(r"https?://\S+"),
}
_DATES = ("date", "date-time")


@dataclass(frozen=True, slots=True)
class ModelField:
    """A field of a model's record, from its schema. `inner` has the fields of the objects in a list."""

    name: str
    kind: str
    format: str = ""
    description: str = ""
    values: tuple[Any, ...] = ()
    item_kind: str = ""
    inner: tuple["ModelField", ...] = ()
    required: bool = False
    maximum: float | None = None

    @property
    def content(self) -> str:
        """Which kind of text it is: email, url, date, date-time, or ""."""
        words = to_snake(self.name).split("_")
        return self.format if self.format in _DATES else next((w for w in ("email", "url") if w in words), "")


@dataclass(frozen=True, slots=True)
class Fit:
    """A matching field of the vendor, with a confidence from 0 to 1 and the evidence."""

    source: VendorField
    confidence: float
    evidence: tuple[str, ...]


def list_model_fields(schema: dict[str, Any]) -> list[ModelField]:
    """List the fields of a model's record in the order of its schema. Fields without a type are left out."""
    return _list_fields(Shape.from_node(schema))


def _list_fields(shape: Shape) -> list[ModelField]:
    found = []
    required = shape.required_names()
    for name, one in shape.properties().items():
        items = one.items() if one.type == "array" else None
        inner = tuple(_list_fields(items)) if items is not None and items.type == "object" else ()
        choices = one.get("enum")
        values = tuple(value for value in choices if isinstance(value, str)) if isinstance(choices, list) else ()
        text = {key: value if isinstance(value := one.get(key), str) else "" for key in ("format", "description")}
        if one.type:
            most = one.get("maximum")
            found.append(
                ModelField(
                    name,
                    one.type,
                    **text,
                    values=values,
                    item_kind=items.type if items is not None else "",
                    inner=inner,
                    required=name in required,
                    maximum=most if isinstance(most, int | float) else None,
                )
            )
    return found


def find_fit(target: ModelField, source: VendorField, nouns: frozenset[str]) -> Fit | None:
    """Return how a vendor's field fits a model's, or None if it does not. `nouns` are the singular words for the record
    itself: the `contact_email` of a contact is its email."""
    if not _kinds_fit(target, source):
        return None
    score, why = _compare_names(target.name, source.path, nouns)
    evidence = [why] if why else []
    words = (_find_words(target.description) & _find_words(source.description)) - nouns
    if len(words) >= _LEAST_WORDS:
        score = max(score + 0.05, 0.4 if len(words) >= _ENOUGH_WORDS else 0.0)
        evidence.append(f"description ({', '.join(sorted(words)[:3])})")
    change, why = _compare_values(target, source)
    score = score + change if score else _ADDRESS if change > 0 and target.content == "email" else 0.0
    if why and score:
        evidence.append(why)
    if score and target.values and not source.closed:
        evidence.append(f"check the values: the model has {', '.join(target.values)}")
    if score and (target.kind == "array") != (source.kind == "array"):
        score -= 0.1
    if score and target.maximum is not None:
        score -= 0.15
        evidence.append(f"check the scale: the model's maximum is {target.maximum:g}")
    if score and target.kind == source.kind:
        score += 0.02
        evidence.append("type")
    if score and target.format and target.format == source.format:
        score += 0.04
        evidence.append("format")
    return Fit(source, round(min(score, 0.99), 2), tuple(evidence)) if score > 0 else None


def _kinds_fit(target: ModelField, source: VendorField) -> bool:
    """Return whether a value of the source's kind can become one of the target's."""
    kind = source.kind
    if target.kind == "array":
        objects = kind == "object" or source.item_kind == "object"
        if target.item_kind == "object":  # a string can be the one required value of an object
            needs_one = sum(one.required for one in target.inner) == 1
            return (objects and bool(source.inner)) or (
                needs_one and (kind == "string" or source.item_kind == "string")
            )
        return kind == "array" or kind in _SCALARS
    if target.kind == "object":  # with fields that the vendor names itself: an object without a schema, or pairs
        is_wrapper = bool(source.inner) and squeeze(source.path[-1]) in WRAPPERS
        return (kind == "object" and not is_wrapper) or find_pair(source) is not None
    if kind == "array" and target.kind == "string" and not target.format:  # the first of several
        return source.item_kind == "string" or find_single_value(source) is not None
    if kind in ("object", "array"):
        return False
    if target.kind == "boolean" or kind == "boolean":
        return target.kind == kind
    if target.format in _DATES:
        return kind in ("string", "integer", "number", "")
    return True


def find_pair(source: VendorField) -> tuple[VendorField, VendorField] | None:
    """Return the fields of a list's objects that have the name and the value of a custom field."""
    if source.item_kind != "object":
        return None
    by_name = {to_snake(one.path[-1]): one for one in source.inner if one.kind not in ("object", "array")}
    name = next((by_name[word] for word in ("key", "name", "label", "field_name") if word in by_name), None)
    value = by_name.get("value")
    return (name, value) if name is not None and value is not None and name.path[:-1] == value.path[:-1] else None


def find_single_value(source: VendorField) -> VendorField | None:
    """Return the field of a list's objects that has the actual value: `value`, or the list's own name in the
    singular."""
    names = ("value", to_singular(to_snake(source.path[-1])))
    return next((one for name in names for one in source.inner if to_snake(one.path[-1]) == name), None)


def _compare_names(name: str, path: tuple[str, ...], nouns: frozenset[str]) -> tuple[float, str]:
    """Rate the similarity of the names, and give the evidence."""
    above = [part for part in path[:-1] if squeeze(part) not in WRAPPERS and to_singular(to_snake(part)) not in nouns]
    parts = [*above, path[-1]]
    words = [word for part in parts for word in to_snake(part).split("_") if word]
    shown = ".".join(path)
    sure, unsure = SYNONYMS.get(name, ((), ()))
    deeper = 0.05 * (len(parts) - 1)
    for kept, loss in ((words, 0.0), (_leave_out(words, nouns), 0.05), (_leave_out(words, nouns | QUALIFIERS), 0.1)):
        text = "".join(kept)
        if not text or (loss and kept == words):
            continue
        if text == squeeze(name) or _to_singular(kept) == _to_singular(to_snake(name).split("_")):
            return 0.9 - loss - deeper, f"name {shown}"
        if text in sure:
            return 0.85 - loss - deeper, f"{shown} is a synonym"
        if text in unsure:
            return 0.6 - loss - deeper, f"{shown} may be another name for it"
    wanted = set(to_snake(name).split("_"))
    common = wanted & set(words)
    is_kind = bool(_KINDS & (set(words) - wanted))
    if len(parts) == 1 and words and words[-1] in common and len(common) * 2 > len(wanted | set(words)) and not is_kind:
        return 0.5, f"name {shown} in part"
    return 0.0, ""


def _leave_out(words: list[str], left_out: frozenset[str]) -> list[str]:
    return [word for word in words if to_singular(word) not in left_out and word not in left_out]


def _to_singular(words: list[str]) -> list[str]:
    return [*words[:-1], to_singular(words[-1])] if words else []


@lru_cache(4_096)
def _find_words(text: str) -> frozenset[str]:
    found = re.findall(r"[a-z]{3,}", text.lower()[:400])
    return frozenset(to_singular(word) for word in found if word not in _STOP)


def _compare_values(target: ModelField, source: VendorField) -> tuple[float, str]:
    """Rate the values: enumerations, similar strings, and formats."""
    if target.values and source.values and target.kind == "string":
        existing = {squeeze(str(value)) for value in source.values}
        both = [value for value in target.values if squeeze(value) in existing]
        other = ", ".join(str(one) for one in source.values if squeeze(str(one)) not in map(squeeze, target.values))
        evidence = f"values ({', '.join(both[:3])}){f'; nothing for {other}' if source.closed and other else ''}"
        return (0.08, evidence) if both else (-1.0 if source.closed else 0.0, "")
    holds = target.content
    texts = [value for value in source.values if isinstance(value, str)]
    if holds in _PATTERNS and texts and not source.closed:
        alike = all(map(_PATTERNS[holds].match, texts))
        return (0.09, "values look like it") if alike else (0.0, "")
    if holds == "email" and source.format == "email":
        return 0.09, "format email"
    return 0.0, ""
