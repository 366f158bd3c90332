"""Files read with a bound, and written whole or not at all. Their text is `parse`'s."""

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
    "Placing",
    "read",
    "read_regular",
    "read_text",
    "remove_file",
    "write_atomically",
    "write_whole",
]

_NO_WAIT = getattr(os, "O_NONBLOCK", 0)


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
        known = content[: fault.start].decode("utf-8", "replace")
        wide = content[:2] in (b"\xff\xfe", b"\xfe\xff")
        hint = "it is UTF-16; save it as UTF-8" if wide else "save it as UTF-8"
        SourceText(file, known + "\ufffd").fail("DOC001", "the text is not UTF-8", len(known), hint=hint)


def read_regular(path: Path, limit: int) -> bytes:
    """The content of a regular file, a byte more than `limit` of a larger one. Raises OSError, also for a pipe or a
    device, which could be read without an end."""
    # Opening a pipe waits for somebody to write, unless it is asked not to.
    with os.fdopen(os.open(path, os.O_RDONLY | _NO_WAIT | getattr(os, "O_BINARY", 0)), "rb") as stream:
        mode = os.fstat(stream.fileno()).st_mode
        if not stat.S_ISREG(mode):
            kind = "it is a folder" if stat.S_ISDIR(mode) else "it is not a regular file"
            raise OSError(errno.EINVAL, kind)
        return stream.read(limit + 1)


class Placing(TypedDict, total=False):
    """Where a file may be written: no link leads it out of the folder `within`; without `overwrite` only where there is
    none."""

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
    """Write a file whole or not at all.

    A new file in the same folder, flushed to disk, takes the old one's place.

    Missing folders are made. An existing file keeps its permissions unless `mode` is given; a new one has
    `mode` or the process's default. Through a symbolic link it is the target that is replaced, and only
    inside `within` (default: the link's folder); without `links` a link is refused, at the end of the path and
    anywhere below `within`. A link that comes in the place of a folder below `within` meanwhile is not followed.
    Raises ConfigurationError (DOC010), and UsageError where there is a file that may not be replaced.
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
    """Remove a file that `write_whole` wrote, if it is there. Below `within` no link is followed. Raises OSError."""
    target, root = (path, None) if within is None else (path.parent.resolve() / path.name, within.resolve())
    with open_folder(target.parent, root, create=False) as folder:
        folder.remove(target.name)


@contextlib.contextmanager
def write_atomically(path: Path, *, overwrite: bool = False) -> Iterator[BinaryIO]:
    """A new file to write to. It has its name when the block is left well, and is gone when it is not.

    Raises UsageError when the name is taken (and may not be overwritten, or is no regular file) and when it cannot be
    written.
    """
    try:
        with _open_new_file(path, None, None, overwrite=overwrite, create=False) as stream:
            yield stream
    except _NameTakenError:
        raise _build_taken_error(path) from None
    except OSError as fault:
        raise UsageError(f"{path} cannot be written: {(fault.strerror or str(fault)).lower()}") from fault


@contextlib.contextmanager
def _open_new_file(
    target: Path, within: Path | None, mode: int | None, *, overwrite: bool, create: bool = True
) -> Iterator[BinaryIO]:
    """A stream to a new file, which takes the target's name when the block is left well. Raises OSError."""
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
            # Created with no more rights than it will have: its content may be secret from the first byte on.
            with os.fdopen(folder.create(temporary, 0o666 if rights is None else rights), "wb") as stream:
                if rights is not None and hasattr(os, "fchmod"):
                    os.fchmod(stream.fileno(), rights)  # the umask may have taken rights that the old file had
                yield stream
                stream.flush()
                os.fsync(stream.fileno())
            if overwrite:
                folder.replace(target.name, by=temporary)
            elif not folder.claim(target.name, by=temporary):  # never replaces what came there meanwhile
                raise _NameTakenError
            folder.flush()
        finally:
            with contextlib.suppress(OSError):
                folder.remove(temporary)


class _NameTakenError(Exception):
    """There is a file that may not be replaced."""


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
        what = "it" if link is path else link.as_posix()
        _refuse(path, f"{what} is a symbolic link", "choose a path without links, or remove the link")


def _refuse(path: Path, reason: str, hint: str = "") -> NoReturn:
    file = path.as_posix()
    fail([diagnostic("DOC010", f"cannot write {file}: {reason}", Span(file), hint=hint)])
