"""Create workspaces and connectors from the bundled ones or from the skeleton, completely or not at all."""

import contextlib
import re
import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from conn_cli.known_vendors import fill_skeleton, is_sample_left_out
from conn_engine.errors import UsageError
from conn_engine.updates.adding import build_completely, check_connector, import_connector, list_files, to_relative

__all__ = [
    "check_connector",
    "copy_example",
    "create_connector",
    "create_workspace",
    "import_connector",
    "list_bundled",
    "read_bundled",
    "to_relative",
    "write_schemas",
]

SKELETON = Path(__file__).parent / "skeleton"
_HIDDEN = ("gitignore", "vscode")
_PACKED = ".tar.gz"
EXAMPLE_CONNECTORS = ("github", "hubspot", "pipedrive", "salesforce", "zendesk")
"""The bundled connectors that the example workspace has: few, so that its commands are quick and their output short."""


def list_bundled() -> list[str]:
    """Return the names of the bundled connectors."""
    from conn_engine.documents.locate import find_packaged

    folder = find_packaged("connectors")
    folders = {path.parent.name for path in folder.glob("*/connector.yaml")}
    return sorted(folders | {path.name.removesuffix(_PACKED) for path in folder.glob(f"*{_PACKED}")})


def read_bundled(name: str) -> dict[str, bytes]:
    """Return the files of a bundled connector: of its folder in a checkout, of its archive in an installed package."""
    import tarfile

    from conn_engine.documents.copied_files import read_files
    from conn_engine.documents.locate import find_packaged

    packed = find_packaged("connectors", f"{name}{_PACKED}")
    if not packed.is_file():
        return read_files(find_packaged("connectors", name))
    with tarfile.open(packed) as archive:
        return {entry.name: file.read() for entry in archive if (file := archive.extractfile(entry)) is not None}


def create_workspace(root: Path, *, force: bool = False) -> list[Path]:
    """Create a workspace in `root`, and return its files. Raises UsageError if there already is one."""
    if (root / "conn.yaml").exists() and not force:
        raise UsageError(
            f"this folder is already a workspace: {to_relative(root / 'conn.yaml')} exists",
            hint="add a connector: conn new hubspot; or start over with --force",
        )
    root.mkdir(parents=True, exist_ok=True)
    workspace_id = _workspace_id(root)
    files = []
    for source in list_files(SKELETON / "workspace"):
        target = root / _find_target(source)
        if target.exists() and not (force and target.name == "conn.yaml"):
            continue
        _write(target, source.read_text(encoding="utf-8"))
        files.append(target)
    _write_id(root, workspace_id)
    for folder in ("connectors", "accounts"):
        (root / folder).mkdir(exist_ok=True)
    return files + write_schemas(root)


def _find_target(source: Path) -> Path:
    """Return the path in a workspace of a file of the skeleton, which has no hidden files."""
    first, *rest = source.relative_to(SKELETON / "workspace").parts
    return Path(f".{first}" if first in _HIDDEN else first, *rest)


def _workspace_id(root: Path) -> str:
    """Return the id of the workspace in this folder, or a new one."""
    from conn_engine.config import load_workspace
    from conn_engine.errors import ConnError

    with contextlib.suppress(ConnError):
        identifier = load_workspace(root).settings.id
        if identifier is not None:
            return identifier
    return f"ws-{secrets.token_hex(8)}"  # without the prefix, YAML could read it as a number


def _write_id(root: Path, workspace_id: str) -> None:
    """Add the id to the conn.yaml of a folder, so that stored logins follow a moved workspace."""
    path = root / "conn.yaml"
    text = path.read_text(encoding="utf-8")
    _write(path, re.sub(r"(?m)^version: .*$", rf"\g<0>\nid: {workspace_id}", text, count=1))


def write_schemas(
    root: Path, *, refresh: bool = False, with_names: Mapping[str, dict[str, Any]] = MappingProxyType({})
) -> list[Path]:
    """Write the published schemas to the workspace's `schemas/`, where editors look for them.

    `with_names` has those to write instead, by the kind of document. Existing files are only replaced with `refresh`.
    Returns the written files.
    """
    from conn_engine.documents import dump_json
    from conn_engine.documents.locate import find_packaged

    files = []
    for source in sorted(find_packaged("schemas").glob("*.schema.json")):
        target = root / "schemas" / source.name
        named = with_names.get(source.name.removesuffix(".schema.json"))
        text = source.read_text(encoding="utf-8") if named is None else dump_json(named)
        if target.exists() and (not refresh or target.read_text(encoding="utf-8") == text):
            continue
        _write(target, text)
        files.append(target)
    return files


def copy_example(root: Path, *, force: bool = False) -> list[Path]:
    """Create the example workspace in `root`: accounts, environments and some bundled connectors. Returns its files."""
    from conn_engine.documents.locate import find_packaged
    from conn_engine.updates.lock import lock_bundled

    if root.exists() and any(root.iterdir()) and not force:
        raise UsageError(f"{to_relative(root)} is not empty", hint="choose another folder, or add --force")
    example = find_packaged("example")

    def build(folder: Path) -> None:
        shutil.copytree(example, folder, dirs_exist_ok=True, ignore=_IGNORED)
        _write_id(folder, _workspace_id(root))
        for name in EXAMPLE_CONNECTORS:
            _write_files(folder / "connectors" / name, read_bundled(name))
        for source in list_files(SKELETON / "workspace"):
            target = folder / _find_target(source)
            if not target.exists():
                _write(target, source.read_text(encoding="utf-8"))
        write_schemas(folder)

    files = build_completely(root, build)
    for name in EXAMPLE_CONNECTORS:
        lock_bundled(root, name, read_bundled(name))
    return files


def create_connector(root: Path, name: str, *, force: bool = False) -> tuple[list[Path], bool]:
    """Add a connector to the workspace at `root`. Returns its files, and whether it is a bundled one.

    Raises UsageError for an invalid name, or if the connector exists.
    """
    from conn_engine.updates.lock import lock_bundled, unlock_connector

    target = check_connector(root, name, force=force)
    bundled = name in list_bundled()

    def build(folder: Path) -> None:
        if bundled:
            _write_files(folder, read_bundled(name))
            return
        for source in list_files(SKELETON / "connector"):
            if is_sample_left_out(source.name, name):
                continue
            text = source.read_text(encoding="utf-8")
            for mark, value in _marks(name).items():
                text = text.replace(mark, value)
            if source.name == "connector.yaml":
                text = fill_skeleton(text, name)
            _write(folder / source.relative_to(SKELETON / "connector"), text)

    files = build_completely(target, build)
    if bundled:
        lock_bundled(root, name, read_bundled(name))
    else:
        unlock_connector(root, name)
    return files, bundled


_IGNORED = shutil.ignore_patterns("__pycache__", "*.pyc", ".env*", "*.local.yaml")


def _marks(name: str) -> dict[str, str]:
    words = re.split(r"[-_]+", name)
    return {
        "__NAME__": name,
        "__LABEL__": " ".join(word.capitalize() for word in words if word),
        "__HOST__": name.replace("_", "-").strip("-") or "vendor",
    }


def _write_files(folder: Path, files: Mapping[str, bytes]) -> None:
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)


def _write(path: Path, text: str) -> None:
    from conn_engine.documents import write_whole

    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, text)
