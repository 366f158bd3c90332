"""`--output FILE` and `--file FIELD=PATH`: write results completely or not at all, and read files to send."""

from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from conn_cli.console import App
from conn_cli.neutralize import Form
from conn_cli.record_writers import WRITERS, RecordWriter
from conn_engine.diagnostics import pluralize
from conn_engine.errors import InternalError, UsageError

if TYPE_CHECKING:
    from conn_engine.bodies import Upload
    from conn_engine.config import Effective, OperationName
    from conn_engine.runtime.call import Call
    from conn_engine.wire import Page

__all__ = ["check_free", "find_result_file", "open_writer", "read_bytes", "read_uploads", "save_bytes", "wants_bytes"]

_WRITERS = {".csv": "csv", ".json": "json", ".jsonl": "jsonl", ".ndjson": "jsonl"}


def find_result_file(app: App, output: str) -> Path | None:
    """Return the file that `--output` names, or None if it is a format for standard output.

    A file name must have a dot or a folder, so that a mistyped format creates no file. Otherwise raises UsageError.
    """
    if output in WRITERS:
        return None
    if "." not in output and "/" not in output and "\\" not in output:
        raise UsageError(
            f'--output "{output}" is unknown',
            hint=f"use {', '.join(WRITERS)}, or the name of a file, such as {output or 'result'}.jsonl",
        )
    return app.folder / output


def check_free(path: Path, *, force: bool) -> Path:
    """Return the path if it can be written, before anything is sent. Raises UsageError if not."""
    if path.is_dir() or not path.parent.is_dir():
        problem = "is a folder" if path.is_dir() else f"cannot be written: there is no folder {path.parent}"
        raise UsageError(f"{path} {problem}", hint="pass the path of a file in an existing folder")
    if path.exists() and not force:
        raise UsageError(f"{path} already exists", hint="choose another name, or add --force to replace it")
    return path


def read_bytes(app: App, file: str) -> bytes:
    """Return the content of a file, or of standard input for `-`. Raises UsageError if it cannot be read."""
    if file == "-":
        buffer = getattr(app.stdin, "buffer", None)
        return bytes(buffer.read()) if buffer is not None else app.stdin.read().encode()
    try:
        return (app.folder / file).read_bytes()
    except OSError as error:
        raise UsageError(
            f"cannot read {file}: {(error.strerror or str(error)).lower()}",
            hint="correct the path or the permissions of the file",
        ) from None


def wants_bytes(effective: "Effective", name: "OperationName", call: "Call") -> bool:
    """Return whether a file with the results of this operation has the vendor's bytes instead of records."""
    from conn_engine.errors import ConnError
    from conn_engine.runtime.unified import vendor_behind

    try:
        vendor = vendor_behind(effective, name, call)
    except ConnError:  # the operation depends on earlier steps
        return False
    format = vendor.response_format  # noqa: A001
    if vendor.job is not None and vendor.job.download is not None:
        format = vendor.job.download.response_format or format  # noqa: A001
    return format in ("binary", "text")


def save_bytes(app: App, path: Path, pages: "Generator[Page, None, None]", *, force: bool, label: str) -> None:
    """Write the bytes of an operation's first page. `pages` ran with `Call.as_file`."""
    with app.progress(label, unit="bytes") as progress:
        content = next(pages, None)
        if content is None or content.content is None:
            raise UsageError(
                "the vendor's response has no content to save",
                hint="omit --output, or check `response_format` of the operation",
            )
        content.content.save(path, overwrite=force, on_piece=progress.advance)
        size, kind = content.content.size, content.content.content_type
    app.err(f"saved {pluralize(size, 'byte')}{f' ({kind})' if kind else ''} as {_relative_name(app, path)}")


@contextmanager
def open_writer(app: App, path: Path, *, force: bool) -> Iterator[RecordWriter]:
    """Open a writer of records to a file, in the format of its extension (by default JSON lines)."""
    from conn_engine.documents import write_atomically

    with write_atomically(path, overwrite=force) as stream:
        writer = WRITERS[_WRITERS.get(path.suffix.lower(), "jsonl")](_ToFile(app, stream))
        yield writer
        writer.close()
    app.err(f"saved as {_relative_name(app, path)}")


class _ToFile:
    """A file in place of standard output."""

    def __init__(self, app: App, stream: BinaryIO) -> None:
        self._app = app
        self._stream = stream

    def write(self, text: str = "", *, end: str = "\n", form: Form = "text") -> None:
        """Write to the file, with secrets redacted. Nothing else changes, because no terminal or CI system reads it."""
        self._stream.write((self._app.redactor.text(text) + end).encode("utf-8", "replace"))

    def err(self, text: str = "", *, end: str = "\n") -> None:
        """Write to standard error."""
        self._app.err(text, end=end)

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        """Raise InternalError: tables are only for terminals."""
        raise InternalError("a table is not written to a file")


def read_uploads(app: App, options: Sequence[str]) -> "Mapping[str, Upload]":
    """Return the files of `--file FIELD=PATH[;type=TYPE][;filename=NAME]`, by field. Raises UsageError."""
    from conn_engine.bodies import Upload

    uploads: dict[str, Upload] = {}
    for option in options:
        name, sign, rest = option.partition("=")
        path, attributes = _parse_attributes(rest)
        if not sign or not name or not path:
            raise UsageError(f'--file "{option}" is not FIELD=PATH', hint="write it like --file document=./cv.pdf")
        if name in uploads:
            raise UsageError(f'--file gives "{name}" twice', hint="pass each name once")
        uploads[name] = Upload.from_path(
            app.folder / path, filename=attributes.get("filename", ""), content_type=attributes.get("type", "")
        )
    return uploads


def _parse_attributes(text: str) -> tuple[str, dict[str, str]]:
    attributes: dict[str, str] = {}
    while True:
        rest, mark, last = text.rpartition(";")
        key, sign, value = last.partition("=")
        if not mark or not sign or key not in ("type", "filename"):
            return text, attributes
        attributes.setdefault(key, value)
        text = rest


def _relative_name(app: App, path: Path) -> str:
    return str(path.relative_to(app.folder)) if path.is_relative_to(app.folder) else str(path)
