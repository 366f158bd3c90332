"""Facts about vendors, by name: webhook settings, rate limits and OAuth endpoints. They are data next to the bundled
connectors, in files that anybody can correct."""

import re
from collections.abc import Mapping
from functools import cache
from typing import Any, Final, Literal

from conn_engine.documents import Document, parse
from conn_engine.documents.locate import find_packaged

__all__ = ["BASIS", "FactKind", "find_imports", "find_known", "find_vendor", "load_facts", "read_facts"]

FactKind = Literal["webhook-schemes", "rate-limits", "oauth-endpoints"]
_KINDS: Final[tuple[FactKind, ...]] = ("webhook-schemes", "rate-limits", "oauth-endpoints")
BASIS: Final[Mapping[str, str]] = {
    "library": "tested with the vendor's own library",
    "documentation": "from the vendor's documentation",
    "implementations": "from several public implementations",
    "memory": "not checked, so test them first",
}
"""How sure an entry is."""


@cache
def read_facts(kind: FactKind) -> Document:
    """Return the document of one kind of facts."""
    name = f"{kind}.yaml"
    return parse(find_packaged("connectors", name).read_text(encoding="utf-8"), name)


def load_facts(kind: FactKind) -> dict[str, Any]:
    """Return the facts of one kind by the key of the vendor: each has `label` and `basis`, and may have `names`."""
    data: dict[str, Any] = read_facts(kind).data
    return data


def find_vendor(facts: Mapping[str, Any], name: str) -> str | None:
    """Return the key of the vendor with this name in any spelling ("Customer.io", "customerio"), or None."""
    plain_name = _remove_spelling(name)
    for key, entry in facts.items():
        if plain_name in map(_remove_spelling, (key, entry["label"], *entry.get("names", ()))):
            return key
    return None


def find_known(name: str) -> dict[FactKind, dict[str, Any]]:
    """Return what is known about the vendor with this name, by kind."""
    known: dict[FactKind, dict[str, Any]] = {}
    for kind in _KINDS:
        facts = load_facts(kind)
        key = find_vendor(facts, name)
        if key is not None:
            known[kind] = facts[key]
    return known


def find_imports(name: str) -> dict[str, str]:
    """Return the public documents that describe the vendor with this name: its name in each collection that has it."""
    path = find_packaged("connectors", "public-imports.yaml")
    collections: dict[str, list[str]] = parse(path.read_text(encoding="utf-8"), path.name).data
    plain_name = _remove_spelling(name)
    return {
        collection: key
        for collection, keys in collections.items()
        for key in keys
        if _remove_spelling(key) == plain_name
    }


def _remove_spelling(name: str) -> str:
    """Return a name without the differences between spellings: case, blanks and punctuation."""
    return re.sub(r"[^a-z0-9]", "", name.lower())
