"""Find files in a workspace that no command reads although they look like documents: a wrong folder, extension or
name."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from conn_engine.config.models import NAME, WORD
from conn_engine.config.tree import Tree
from conn_engine.errors import ConfigurationError

__all__ = ["SUFFIXES", "Stray", "find_strays"]

SUFFIXES = (".yaml", ".yml", ".json")
_AT_ROOT = ("conn.yaml", "accounts", "changes", "connectors", "environments", "models", "syncs")
_KINDS = (
    ("account", "an account"),
    ("environment", "an environment"),
    ("change", "an accepted change"),
    ("sync", "a sync"),
)
_IN_CONNECTOR = ("connector.yaml", "contract.yaml", "unified", "recordings", "expected", "deliveries")
_WRITTEN = ("recordings", "expected", "deliveries")


@dataclass(frozen=True, slots=True)
class Stray:
    """A file or folder that is not read. `sure` means that it can hardly have another purpose."""

    path: Path
    message: str
    hint: str = ""
    sure: bool = True


def find_strays(tree: Tree, root: Path, models: Sequence[Path]) -> Iterator[Stray]:
    """Yield the files in the folders of a workspace, and next to them under a similar name, that are not read."""
    yield from _similar(tree, root, _AT_ROOT)
    for kind, label in _KINDS:
        yield from _named_documents(tree, root / f"{kind}s", NAME, label)
    for path in tree.entries(root / "connectors"):
        if not tree.is_dir(path):
            if _is_documentish(path) and _is_connector(tree, path):
                yield Stray(path, f"{path.name} is not read", "move it to connectors/NAME/connector.yaml")
        elif not re.match(NAME, path.name):
            yield _unusable_name(path)
        else:
            yield from _in_connector(tree, path)
    for folder in models:
        yield from _in_models(tree, folder)


def _in_connector(tree: Tree, folder: Path) -> Iterator[Stray]:
    similar = list(_similar(tree, folder, _IN_CONNECTOR))
    yield from similar
    for path in tree.entries(folder):
        is_known = (path.stem == "connector" and path.suffix in SUFFIXES) or path.name in _IN_CONNECTOR
        if (
            not is_known
            and not tree.is_dir(path)
            and _is_documentish(path)
            and all(path != stray.path for stray in similar)
        ):
            yield Stray(
                path, f"{path.name} is not read", "move or remove it: it is not part of a connector", sure=False
            )
    yield from _named_documents(tree, folder / "unified", WORD, "a unified model")
    for name in _WRITTEN:
        yield from _not_json(tree, folder / name)


def _is_connector(tree: Tree, path: Path) -> bool:
    try:
        data = tree.document(path, path.name).data
    except ConfigurationError:
        return False
    return isinstance(data, dict) and not data.keys().isdisjoint(("base_url", "resources"))


def _named_documents(tree: Tree, folder: Path, name: str, label: str) -> Iterator[Stray]:
    hint = f"rename it to {folder.name}/NAME.yaml (or .yml, .json) if it is {label}"
    for path in tree.entries(folder):
        if tree.is_dir(path):
            if _holds_documents(tree, path):
                yield Stray(path, f"{path.name} is a folder, and its files are not read", hint)
        elif path.suffix not in SUFFIXES:
            if path.suffix != ".md":
                yield Stray(path, f"{path.name} is not read", hint)
        elif not re.match(name, path.stem):
            yield _unusable_name(path)


def _not_json(tree: Tree, folder: Path) -> Iterator[Stray]:
    for path in tree.entries(folder):
        if tree.is_dir(path):
            yield from _not_json(tree, path)
        elif path.suffix != ".json" and _is_documentish(path):
            yield Stray(path, f"{path.name} is not read", f"rename it: files in {folder.name} end in .json")


def _in_models(tree: Tree, folder: Path) -> Iterator[Stray]:
    hint = f"move it to {folder.name}/MODEL/RECORD.schema.json if it is a model's schema"
    for path in tree.entries(folder):
        for inner in tree.entries(path) if tree.is_dir(path) else [path]:
            is_schema = inner != path and inner.name.endswith(".schema.json") and not tree.is_dir(inner)
            if not is_schema and (_is_documentish(inner) or (tree.is_dir(inner) and _holds_documents(tree, inner))):
                yield Stray(inner, f"{inner.name} is not read", hint)


def _similar(tree: Tree, folder: Path, names: Sequence[str]) -> Iterator[Stray]:
    """Yield documents, and folders with documents, whose names are almost known ones."""
    for path in tree.entries(folder):
        stems = {Path(name).stem for name in names if name.endswith(".yaml")}
        if path.name in names or (path.stem in stems and path.suffix in SUFFIXES):
            continue
        near = get_close_matches(path.name.lower(), names, n=1, cutoff=0.85)
        if near and (_holds_documents(tree, path) if tree.is_dir(path) else _is_documentish(path)):
            yield Stray(path, f"{path.name} is not read", f'did you mean "{near[0]}"?')


def _unusable_name(path: Path) -> Stray:
    stem = re.sub(r"[^A-Za-z0-9_]+", "-", path.stem).strip("-_")
    example = f', for example to "{stem}{path.suffix}"' if stem[:1].isalpha() else ""
    return Stray(path, f'"{path.name}" is not a valid name', f"rename it{example} (letters, digits, - and _)")


def _is_documentish(path: Path) -> bool:
    """Return whether a name contains the extension of a document: acme.yaml.bak, ACME.YAML, acme.yml~."""
    return any(suffix.lower().rstrip("~") in (*SUFFIXES, ".har") for suffix in path.suffixes)


def _holds_documents(tree: Tree, folder: Path) -> bool:
    return any(
        _holds_documents(tree, path) if tree.is_dir(path) else _is_documentish(path) for path in tree.entries(folder)
    )
