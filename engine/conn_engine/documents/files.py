"""Read files up to a maximum size, and write them atomically. `parse` interprets their text."""

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NoReturn, TypedDict

from conn_engine.diagnostics import Span, diagnostic
from conn_engine.documents.document import Document
from conn_engine.documents.faults import SourceText, fail
from conn_engine.documents.folders import open_folder
from conn_engine.documents.limits import MAX_BYTES
from conn_engine.documents.parse import Language, parse
from conn_engine.errors import UsageError

__all__ = [
    "MAX_BYTES",
    "WriteOptions",
    "check_writable",
    "read_document",
    "read_regular",
    "read_text",
    "remove_file",
    "write_atomically",
    "write_whole",
]

_NO_WAIT = getattr(os, "O_NONBLOCK", 0)


def read_document(path: Path, display: str | None = None, *, language: Language | None = None) -> Document:
    """Read one YAML or JSON file. `display` is its name in messages (default: the path).

    Raises ConfigurationError: DOC001 if it is not a readable, regular UTF-8 file, DOC005 if it is too large, and the
    errors of `parse`.
    """
    file = path.as_posix() if display is None else display
    return parse(read_text(path, file), file, language=language)


def read_text(path: Path, display: str | None = None, *, limit: int = MAX_BYTES) -> str:
    """Return the text of a file without a byte order mark, with its line breaks unchanged. `limit` is in bytes.

    Raises the errors of `read`.
    """
    file = path.as_posix() if display is None else display
    origin = SourceText(file, "")
    try:
        content = read_regular(path, limit)
    except FileNotFoundError:
        origin.fail("DOC001", f"cannot read {file}: it does not exist")
    except (OSError, ValueError) as fault:
        reason = getattr(fault, "strerror", None) or str(fault)
        origin.fail("DOC001", f"cannot read {file}: {reason.lower()}")
    if len(content) > limit:
        origin.fail("DOC005", f"the file is larger than {limit // 2**20} MiB")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        readable = content[: fault.start].decode("utf-8", "replace")
        wide = content[:2] in (b"\xff\xfe", b"\xfe\xff")
        hint = "it is UTF-16; save it as UTF-8" if wide else "save it as UTF-8"
        SourceText(file, readable + "\ufffd").fail("DOC001", "the text is not UTF-8", len(readable), hint=hint)


def read_regular(path: Path, limit: int) -> bytes:
    """Return the content of a regular file, up to one byte more than `limit`.

    Raises OSError, also for a pipe or a device, which could have no end.
    """
    # Without this flag, opening a pipe waits for a writer.
    with os.fdopen(os.open(path, os.O_RDONLY | _NO_WAIT | getattr(os, "O_BINARY", 0)), "rb") as stream:
        mode = os.fstat(stream.fileno()).st_mode
        if not stat.S_ISREG(mode):
            kind = "it is a folder" if stat.S_ISDIR(mode) else "it is not a regular file"
            raise OSError(errno.EINVAL, kind)
        return stream.read(limit + 1)


class WriteOptions(TypedDict, total=False):
    """Where a file can be written: below `within` without following links, and only with `overwrite` over an existing
    file."""

    within: Path | None
    overwrite: bool


def write_whole(
    path: Path,
    content: str | bytes,
    *,
    mode: int | None = None,
    within: Path | None = None,
    links: bool = True,
    overwrite: bool = True,
) -> None:
    """Write a file atomically: a new file in the same folder, flushed to disk, replaces the old one.

    Missing folders are created. An existing file keeps its permissions unless `mode` is given; a new one has `mode` or
    the default of the process. If the path is a symbolic link, its target is replaced, but only inside `within`
    (default: the folder of the link). Without `links`, a link is refused, at the end of the path and anywhere below
    `within`. A link that replaces a folder below `within` during the call is not followed. Raises ConfigurationError
    (DOC010), and UsageError if the file exists and must not be replaced.
    """
    data = content.encode() if isinstance(content, str) else content
    if not links:
        _refuse_links(path, within)
    target = _resolve_target(path, within) if links else path
    root = within.resolve() if within is not None and links else within
    try:
        with _open_new_file(target, root, mode, overwrite=overwrite) as stream:
            stream.write(data)
    except _NameTakenError:
        raise _build_taken_error(path) from None
    except OSError as fault:
        _refuse(path, (fault.strerror or str(fault)).lower())


def remove_file(path: Path, within: Path | None = None) -> None:
    """Remove a file that `write_whole` wrote, if it exists. Below `within`, links are not followed. Raises OSError."""
    target, root = (path, None) if within is None else (path.parent.resolve() / path.name, within.resolve())
    with open_folder(target.parent, root, create=False) as folder:
        folder.remove(target.name)


def check_writable(path: Path, display: str) -> None:
    """Raise ConfigurationError (DOC010) for an existing file that nobody may write. `write_whole` replaces such a file,
    which is meant for files that Conn itself made."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return  # reported when it is written
    if not mode & (stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH):
        _refuse(Path(display), "it is read-only", f"allow writing to it first: chmod u+w {display}")


@contextlib.contextmanager
def write_atomically(path: Path, *, overwrite: bool = False) -> Iterator[BinaryIO]:
    """Open a new file for writing. It gets its name when the block succeeds, and is removed when it fails.

    Raises UsageError if the file exists and must not be overwritten, is not a regular file, or cannot be written.
    """
    try:
        with _open_new_file(path, None, None, overwrite=overwrite, create=False) as stream:
            yield stream
    except _NameTakenError:
        raise _build_taken_error(path) from None
    except OSError as fault:
        raise UsageError(
            f"{path} cannot be written: {(fault.strerror or str(fault)).lower()}",
            hint="correct the permissions, or choose another path",
        ) from fault


@contextlib.contextmanager
def _open_new_file(
    target: Path, within: Path | None, mode: int | None, *, overwrite: bool, create: bool = True
) -> Iterator[BinaryIO]:
    """Open a new file that gets the name of the target when the block succeeds. Raises OSError."""
    temporary = f".{target.name[:100]}.{os.urandom(6).hex()}.tmp"
    below = within is not None and target.is_relative_to(within)
    with open_folder(target.parent, within if below else None, create=create) as folder:
        old = folder.find_mode(target.name)
        if old is not None and not stat.S_ISREG(old):
            raise OSError(errno.EINVAL, "it is a folder" if stat.S_ISDIR(old) else "it is not a regular file")
        if old is not None and not overwrite:
            raise _NameTakenError
        rights = mode if mode is not None or old is None else stat.S_IMODE(old)
        try:
            # Created with its final permissions, because the content may be secret from the first byte.
            with os.fdopen(folder.create(temporary, 0o666 if rights is None else rights), "wb") as stream:
                if rights is not None and hasattr(os, "fchmod"):
                    os.fchmod(stream.fileno(), rights)  # the umask may have removed permissions of the old file
                yield stream
                stream.flush()
                os.fsync(stream.fileno())
            if overwrite:
                folder.replace(target.name, by=temporary)
            elif not folder.claim(target.name, by=temporary):  # never replaces a file that was created meanwhile
                raise _NameTakenError
            folder.flush()
        finally:
            with contextlib.suppress(OSError):
                folder.remove(temporary)


class _NameTakenError(Exception):
    """The file exists and must not be replaced."""


def _build_taken_error(path: Path) -> UsageError:
    return UsageError(f"{path} already exists", hint="choose another name, or replace it with --force")


def _resolve_target(path: Path, within: Path | None) -> Path:
    try:
        target = path.resolve() if within is not None or path.is_symlink() else path
        root = (within or path.parent).resolve()
    except (OSError, RuntimeError) as fault:
        _refuse(path, str(fault))
    if target is not path and not target.is_relative_to(root):
        _refuse(path, "a symbolic link points outside the folder")
    return target


def _refuse_links(path: Path, within: Path | None) -> None:
    below = (part for part in path.parents if within is not None and part != within and part.is_relative_to(within))
    link = next((part for part in (path, *below) if part.is_symlink()), None)
    if link is not None:
        label = "it" if link is path else link.as_posix()
        _refuse(path, f"{label} is a symbolic link", "choose a path without links, or remove the link")


def _refuse(path: Path, reason: str, hint: str = "") -> NoReturn:
    file = path.as_posix()
    fail([diagnostic("DOC010", f"cannot write {file}: {reason}", Span(file), hint=hint)])
