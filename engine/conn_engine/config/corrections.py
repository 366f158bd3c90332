"""Fixes for names of closed sets, such as the connectors of a workspace: the most similar known name."""

from collections.abc import Iterable

from conn_engine.config.merge import Path_
from conn_engine.diagnostics import Edit, Fix, find_match
from conn_engine.documents import Document

__all__ = ["rename_to_match", "replace_by_match"]


def rename_to_match(document: Document, place: Path_, known: Iterable[str], key: str = "") -> Fix | None:
    """Return the fix that renames the key at a place of a document to the most similar known name, or None if there is
    none. With `key`, also if the place is not one of this key: a dotted place has several names."""
    name = str(place[-1])
    meant, is_certain = find_match(name, known) if key in ("", name) else ("", False)
    return Fix(document.file, (Edit("rename", place, meant),), is_certain) if meant else None


def replace_by_match(document: Document, place: Path_, value: str, known: Iterable[str]) -> Fix | None:
    """Return the fix that replaces the value at a place of a document by the most similar known name, or None."""
    meant, is_certain = find_match(value, known)
    return Fix(document.file, (Edit("put", place, meant),), is_certain) if meant else None
