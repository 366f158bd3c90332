"""Where a word is defined: the levels that set a value, and the document or operation that a name refers to."""

from collections.abc import Iterator

from conn_engine.config import DocumentKind, Effective, Path_
from conn_engine.diagnostics import Span
from conn_service.lsp.edited_document import EditedDocument
from conn_service.lsp.messages import Encoding, TargetPlace
from conn_service.lsp.spans import SpanConverter
from conn_service.lsp.words import WordPlace, find_word

__all__ = ["find_definitions"]


def find_definitions(document: EditedDocument, offset: int, encoding: Encoding) -> list[TargetPlace]:
    """Return where the word at an offset is defined, the level that decides first. The place itself is left out if
    there are others."""
    word = find_word(document, offset)
    if word is None:
        return []
    spans = list(dict.fromkeys(_find_spans(document, word)))
    converter = SpanConverter(document.drafts, encoding)
    targets = [converter.to_target(span) for span in spans]
    here = str(document.file.path)
    others = [target for target in targets if (target.path, target.range.line) != (here, word.range.line)]
    return others or targets


def _find_spans(document: EditedDocument, word: WordPlace) -> Iterator[Span]:
    if word.place is None:
        yield from _find_named_document(document, word)
        return
    effective = document.find_effective(word.place)
    if effective is None:
        return
    if word.is_key:
        yield from _find_origins(effective, word.place.path)
        yield from _find_vendor_operation(effective, word.place.path)
    elif word.expression is not None:
        if word.text == "$base":
            yield from list(_find_origins(effective, word.place.path))[1:]
        elif word.steps is not None and word.steps[:1] == ("context",) and len(word.steps) == 2:
            yield from _find_field(effective, word.text)
    else:
        yield from _find_named_operation(effective, word)


def _find_origins(effective: Effective, path: Path_) -> Iterator[Span]:
    """Yield where each level sets the value, or a part of it, top level first."""
    for origin in effective.origins(path):
        yield origin.key_span


def _find_vendor_operation(effective: Effective, path: Path_) -> Iterator[Span]:
    """Yield where the vendor's operation or resource is that a unified one uses."""
    if path[:1] != ("unified",) or len(path) not in (3, 4):
        return
    resource = str(path[2])
    operation = (
        effective.get_unified(*map(str, path[1:])) if len(path) == 4 and _is_operation(effective, path) else None
    )
    if operation is not None:
        yield from _find_origins(effective, ("resources", operation.resource or resource, operation.method or path[3]))
    else:
        yield from _find_origins(effective, ("resources", resource))


def _is_operation(effective: Effective, path: Path_) -> bool:
    return any(name.path == path for name in effective.operations())


def _find_named_operation(effective: Effective, word: WordPlace) -> Iterator[Span]:
    """Yield where the operation or the resource is that a value names."""
    for name in effective.operations():
        if name.text == word.text:
            yield from _find_origins(effective, name.path)
    if word.place is None or word.place.path[:1] != ("unified",):
        return
    key, above = word.place.path[-1], word.place.path[:-1]
    if key == "resource":
        yield from _find_origins(effective, ("resources", word.text))
    elif key == "method" and len(above) == 4:
        operation = effective.get_unified(*map(str, above[1:]))
        resource = (operation.resource if operation is not None else None) or str(above[2])
        yield from _find_origins(effective, ("resources", resource, word.text))


def _find_field(effective: Effective, name: str) -> Iterator[Span]:
    """Yield where the connector declares a value of the account."""
    fields = effective.data.get("fields")
    for index, entry in enumerate(fields if isinstance(fields, list) else ()):
        if isinstance(entry, dict) and entry.get("name") == name:
            yield effective.layers[0].span(("fields", index))


def _find_named_document(document: EditedDocument, word: WordPlace) -> Iterator[Span]:
    """Yield the start of the document that a setting of an account or of conn.yaml names."""
    workspace = document.drafts.current
    kinds: dict[str, DocumentKind] = {
        "connector": "connector", "environment": "environment", "default_environment": "environment"
    }  # fmt: skip
    kind = kinds.get(str(word.path[-1])) if word.path and not word.is_key else None
    if word.is_key and word.path[:1] == ("connectors",) and document.file.kind == "environment":
        kind = "connector"
    if word.is_key and word.path[:1] == ("context",) and document.file.kind == "account":
        effective = document.drafts.find_effective(str(document.data.get("connector")), None, None)
        yield from _find_field(effective, word.text) if effective is not None else ()
    for file in workspace.files():
        if kind is not None and (file.kind, file.name) == (kind, word.text):
            yield Span(workspace.format_path(file.path))
