"""The schemas of documents in a workspace's `schemas/`, which may have the workspace's own names."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

__all__ = ["find_outdated_schemas", "keep_schemas_current"]


@contextmanager
def keep_schemas_current(root: Path | None) -> Iterator[None]:
    """Write the schemas again after the block, which changes connectors, if they have the workspace's own names and
    were current before. Schemas that are outdated already stay: `conn doctor` reports them."""
    is_current = root is not None and _has_own_names(root) and not list(find_outdated_schemas(root))
    yield
    if root is not None and is_current:
        from conn_cli.scaffold import write_schemas
        from conn_engine.config import load_workspace
        from conn_engine.errors import ConnError
        from conn_engine.schemas.workspace_names import build_workspace_schemas

        with suppress(ConnError):  # a connector that cannot be used has errors of its own
            write_schemas(root, refresh=True, with_names=build_workspace_schemas(load_workspace(root)))


def find_outdated_schemas(root: Path) -> Iterator[str]:
    """Yield the kinds of documents whose schema is neither the published one nor that with the workspace's names."""
    from conn_engine.config import load_workspace
    from conn_engine.documents import dump_json
    from conn_engine.errors import ConnError
    from conn_engine.schemas.workspace_names import build_workspace_schemas

    named: dict[str, str] | None = None
    for kind, text in _find_changed(root):
        if named is None:
            try:
                schemas = build_workspace_schemas(load_workspace(root))
            except ConnError:  # a check of the workspace has the reason
                return
            named = {name: dump_json(schema) for name, schema in schemas.items()}
        if text != named.get(kind):
            yield kind


def _has_own_names(root: Path) -> bool:
    return next(_find_changed(root), None) is not None


def _find_changed(root: Path) -> Iterator[tuple[str, str]]:
    """Yield the kinds of documents whose schema is not the published one, with its text."""
    from conn_engine.documents.locate import find_packaged

    for source in sorted(find_packaged("schemas").glob("*.schema.json")):
        text = ""
        with suppress(OSError):  # there is no copy
            text = (root / "schemas" / source.name).read_text(encoding="utf-8", errors="replace")
        if text and text != source.read_text(encoding="utf-8"):
            yield source.name.removesuffix(".schema.json"), text
