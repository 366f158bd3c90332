"""Put each bundled connector into the wheel as one archive: a file of its own for each recording would be four times as
large, most of it names."""

import gzip
import io
import tarfile
import tempfile
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_TARGET = "conn_engine/_data/connectors"
_LEFT_OUT = ("*.local.yaml", ".env*", "*.pyc", "__pycache__")


class CustomBuildHook(BuildHookInterface):
    """Packs the folders of `connectors/`. An editable installation reads the folders themselves."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the archives and the lists next to the folders to the wheel."""
        if version == "editable":
            return
        self._folder = tempfile.TemporaryDirectory(prefix="conn-build-")
        for path in sorted(Path(self.root, "connectors").iterdir()):
            if path.is_file() and not _is_left_out(path):
                build_data["force_include"][str(path)] = f"{_TARGET}/{path.name}"
            elif (path / "connector.yaml").is_file():
                archive = Path(self._folder.name, f"{path.name}.tar.gz")
                archive.write_bytes(pack(path))
                build_data["force_include"][str(archive)] = f"{_TARGET}/{archive.name}"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Remove the archives: the wheel has them."""
        if version != "editable":
            self._folder.cleanup()


def pack(folder: Path) -> bytes:
    """Return the files of a folder as an archive, which is the same for the same files."""
    content = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=content, mode="wb", mtime=0) as compressed,
        tarfile.open(fileobj=compressed, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for path in _list_files(folder):
            entry = tarfile.TarInfo(path.relative_to(folder).as_posix())
            entry.size = path.stat().st_size
            with path.open("rb") as file:
                archive.addfile(entry, file)
    return content.getvalue()


def _list_files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if _is_left_out(path):
            continue
        if path.is_dir():
            yield from _list_files(path)
        elif path.is_file():
            yield path


def _is_left_out(path: Path) -> bool:
    return any(fnmatch(path.name, pattern) for pattern in _LEFT_OUT)
