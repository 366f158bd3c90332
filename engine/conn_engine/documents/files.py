"""Files read with a bound, and written whole or not at all. Their text is `parse`'s."""

import contextlib
import os
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NoReturn

from conn_engine.diagnostics import Span, diagnostic
from conn_engine.documents.document import Document
from conn_engine.documents.faults import Origin, fail
from conn_engine.documents.limits import MAX_BYTES
from conn_engine.documents.parse import Language, parse
from conn_engine.errors import UsageError

__all__ = ["MAX_BYTES", "read", "read_text", "whole_file", "write_whole"]


def read(path: Path, display: str | None = None, *, language: Language | None = None) -> Document:
    """Read one YAML or JSON file. `display` is its name for people (default: the path).

    Raises ConfigurationError: DOC001 when there is no such regular, readable UTF-8 file, DOC005 when it is
    too large, else as `parse`.
    """
    file = path.as_posix() if display is None else display
    return parse(read_text(path, file), file, language=language)


def read_text(path: Path, display: str | None = None, *, limit: int = MAX_BYTES) -> str:
    """A file's text without a byte order mark, line breaks as they are; `limit` is in bytes.

    Raises as `read`.
    """
    file = path.as_posix() if display is None else display
    origin = Origin(file, "")
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            kind = "a folder" if stat.S_ISDIR(status.st_mode) else "no regular file"
            origin.fail("DOC001", f"cannot read {file}: it is {kind}")
        with path.open("rb") as stream:
            content = stream.read(limit + 1)
    except FileNotFoundError:
        origin.fail("DOC001", f"cannot read {file}: there is no such file")
    except (OSError, ValueError) as fault:
        reason = getattr(fault, "strerror", None) or str(fault)
        origin.fail("DOC001", f"cannot read {file}: {reason.lower()}")
    if len(content) > limit:
        origin.fail("DOC005", f"the file is larger than {limit // 2**20} MiB")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        known = content[: fault.start].decode("utf-8", "replace")
        wide = content[:2] in (b"\xff\xfe", b"\xfe\xff")
        hint = "it is UTF-16; save it as UTF-8" if wide else "save it as UTF-8"
        Origin(file, known + "\ufffd").fail("DOC001", "the text is not UTF-8", len(known), hint=hint)


def write_whole(
    path: Path, content: str | bytes, *, mode: int | None = None, within: Path | None = None, links: bool = True
) -> None:
    """Write a file whole or not at all.

    A new file in the same folder, flushed to disk, takes the old one's place.

    Missing folders are made. An existing file keeps its permissions unless `mode` is given; a new one has
    `mode` or the process's default. Through a symbolic link it is the target that is replaced, and only
    inside `within` (default: the link's folder); without `links` a link is refused, at the end of the path and
    anywhere below `within`. Raises ConfigurationError (DOC010).
    """
    data = content.encode() if isinstance(content, str) else content
    if not links:
        _refuse_links(path, within)
    target = _target(path, within) if links else path
    temporary = target.with_name(f".{target.name[:100]}.{secrets.token_hex(6)}.tmp")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        old = target.lstat().st_mode if os.path.lexists(target) else None
        if old is not None and not stat.S_ISREG(old):
            _refuse(path, "it is a folder" if stat.S_ISDIR(old) else "it is not a regular file")
        kept = stat.S_IMODE(old) if old is not None else None
        _write(temporary, data, mode if mode is not None else kept)
        temporary.replace(target)
        _flush_folder(target.parent)
    except OSError as fault:
        _refuse(path, (fault.strerror or str(fault)).lower())
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def whole_file(path: Path, *, overwrite: bool = False) -> Iterator[BinaryIO]:
    """A new file to write to. It has its name when the block is left well, and is gone when it is not.

    Raises UsageError when the name is taken (and may not be overwritten, or is no regular file) and when it cannot be
    written.
    """
    temporary = path.with_name(f".{path.name[:100]}.{secrets.token_hex(6)}.tmp")
    try:
        kept = path.lstat().st_mode if os.path.lexists(path) else None
        if kept is not None and not stat.S_ISREG(kept):
            raise UsageError(f"{path} is there already, and is no regular file")
        if kept is not None and not overwrite:
            raise _taken(path)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
        with os.fdopen(os.open(temporary, flags, 0o666 if kept is None else stat.S_IMODE(kept)), "wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        _name(temporary, path, overwrite=overwrite)
        _flush_folder(path.parent)
    except OSError as fault:
        raise UsageError(f"{path} cannot be written: {(fault.strerror or str(fault)).lower()}") from fault
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def _name(temporary: Path, path: Path, *, overwrite: bool) -> None:
    if overwrite:
        temporary.replace(path)
        return
    try:
        os.link(temporary, path)  # unlike a renaming, this never replaces what came there meanwhile
    except FileExistsError:
        raise _taken(path) from None
    except OSError:  # a file system without hard links
        if os.path.lexists(path):
            raise _taken(path) from None
        temporary.replace(path)


def _taken(path: Path) -> UsageError:
    return UsageError(f"{path} is there already", hint="choose another name, or allow it to be replaced (--force)")


def _target(path: Path, within: Path | None) -> Path:
    try:
        target = path.resolve() if within is not None or path.is_symlink() else path
        root = (within or path.parent).resolve()
    except (OSError, RuntimeError) as fault:
        _refuse(path, str(fault))
    if target is not path and not target.is_relative_to(root):
        _refuse(path, "a symbolic link leads out of the folder")
    return target


def _refuse_links(path: Path, within: Path | None) -> None:
    below = (part for part in path.parents if within is not None and part != within and part.is_relative_to(within))
    link = next((part for part in (path, *below) if part.is_symlink()), None)
    if link is not None:
        what = "it" if link is path else link.as_posix()
        _refuse(path, f"{what} is a symbolic link", "name a file that no link leads to, or remove the link")


def _write(path: Path, data: bytes, mode: int | None) -> None:
    # Created with no more rights than it will have: its content may be secret from the first byte on.
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    descriptor = os.open(path, flags, 0o666 if mode is None else mode)
    with os.fdopen(descriptor, "wb") as stream:
        if mode is not None:
            path.chmod(mode)  # the umask may have taken rights that the old file had
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())


def _flush_folder(folder: Path) -> None:
    """Make the rename itself durable, where the system lets a folder be opened."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    with contextlib.suppress(OSError):  # some file systems refuse; the file itself is already on disk
        os.fsync(descriptor)
    os.close(descriptor)


def _refuse(path: Path, reason: str, hint: str = "") -> NoReturn:
    file = path.as_posix()
    fail([diagnostic("DOC010", f"cannot write {file}: {reason}", Span(file), hint=hint)])
