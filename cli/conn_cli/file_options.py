"""`--output FILE` and `--file FIELD=PATH`: results written to a file, whole or not at all, and files to send."""

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

__all__ = ["check_free", "find_result_file", "open_writer", "read_uploads", "save_bytes", "wants_bytes"]

_WRITERS = {".csv": "csv", ".json": "json", ".jsonl": "jsonl", ".ndjson": "jsonl"}


def find_result_file(app: App, output: str) -> Path | None:
    """The file that `--output` names; None when it is one of the formats for standard output.

    A file has a dot or a folder in its name, so that a mistyped format makes none. Raises UsageError for neither.
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
    """The path, when it can be written. Raises UsageError before anything is sent."""
    if path.is_dir() or not path.parent.is_dir():
        what = "is a folder" if path.is_dir() else f"cannot be written: there is no folder {path.parent}"
        raise UsageError(f"{path} {what}")
    if path.exists() and not force:
        raise UsageError(f"{path} already exists", hint="choose another name, or add --force to replace it")
    return path


def wants_bytes(effective: "Effective", name: "OperationName", call: "Call") -> bool:
    """Whether a file of this operation holds what the vendor sent, and not records."""
    from conn_engine.errors import ConnError
    from conn_engine.runtime.unified import vendor_behind

    try:
        vendor = vendor_behind(effective, name, call)
    except ConnError:  # which operation it is depends on steps before it
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
            raise UsageError("the vendor's response has no content to save")
        content.content.save(path, overwrite=force, on_piece=progress.advance)
        size, kind = content.content.size, content.content.content_type
    app.err(f"saved {pluralize(size, 'byte')}{f' ({kind})' if kind else ''} as {_relative_name(app, path)}")


@contextmanager
def open_writer(app: App, path: Path, *, force: bool) -> Iterator[RecordWriter]:
    """A writer of records into a file, in the format that its ending says (else JSON lines)."""
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
        """Write to the file without secrets, and otherwise unchanged: no terminal or CI system reads it."""
        self._stream.write((self._app.redactor.text(text) + end).encode("utf-8", "replace"))

    def err(self, text: str = "", *, end: str = "\n") -> None:
        """Write to standard error."""
        self._app.err(text, end=end)

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        """Tables are for people: no file is one."""
        raise InternalError("a table is not written to a file")


def read_uploads(app: App, options: Sequence[str]) -> "Mapping[str, Upload]":
    """The files of `--file FIELD=PATH[;type=TYPE][;filename=NAME]`, by field. Raises UsageError."""
    from conn_engine.bodies import Upload

    found: dict[str, Upload] = {}
    for option in options:
        name, sign, rest = option.partition("=")
        path, told = _parse_content_type(rest)
        if not sign or not name or not path:
            raise UsageError(f'--file "{option}" is not FIELD=PATH', hint="such as --file document=./cv.pdf")
        if name in found:
            raise UsageError(f'--file gives "{name}" twice')
        found[name] = Upload.from_path(
            app.folder / path, filename=told.get("filename", ""), content_type=told.get("type", "")
        )
    return found


def _parse_content_type(text: str) -> tuple[str, dict[str, str]]:
    told: dict[str, str] = {}
    while True:
        rest, mark, last = text.rpartition(";")
        key, sign, value = last.partition("=")
        if not mark or not sign or key not in ("type", "filename"):
            return text, told
        told.setdefault(key, value)
        text = rest


def _relative_name(app: App, path: Path) -> str:
    return str(path.relative_to(app.folder)) if path.is_relative_to(app.folder) else str(path)
