"""What a submitted folder may contain: regular files of a connector, few and small enough, without links.

Only names and sizes are looked at; nothing is parsed.
"""

import os
import re
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from conn_engine.analysis.submissions.verdict import RuleVerdict, SubmissionProblem, judge_rule
from conn_engine.config.models import NAME
from conn_engine.diagnostics import pluralize
from conn_engine.documents import read_regular
from conn_engine.errors import UsageError

__all__ = ["MAX_FILES", "MAX_FILE_BYTES", "SubmittedFiles", "find_foreign", "list_submitted"]

MAX_FILES = 2_000
MAX_FILE_BYTES = 4 * 1024 * 1024
MAX_BYTES = 32 * 1024 * 1024
_DEEPEST = 4
_TOO_MANY = f"there are more than {MAX_FILES:,} files"
_NAME = r"[A-Za-z0-9_][A-Za-z0-9_.@-]{0,150}"
_PLACES = re.compile(
    r"connector\.ya?ml|contract\.ya?ml|README\.md|LICENSE(?:\.md|\.txt)?|NOTICE"
    rf"|unified/{_NAME}\.ya?ml|schemas/{_NAME}\.json"
    rf"|(?:recordings|deliveries|expected|expected/deliveries)/{_NAME}\.json"
)
_LAYOUT = (
    "connector.yaml, contract.yaml, README.md, LICENSE, unified/*.yaml, schemas/*.json, recordings/*.json, "
    "deliveries/*.json, expected/*.json and expected/deliveries/*.json"
)


@dataclass(slots=True)
class SubmittedFiles:
    """The files of a submitted folder by path, and the verdict of the rule `files`."""

    name: str
    files: dict[str, bytes] = field(default_factory=dict)
    problems: list[SubmissionProblem] = field(default_factory=list)

    @property
    def verdict(self) -> RuleVerdict:
        """Whether the folder contains what a connector consists of, and nothing else."""
        size = sum(map(len, self.files.values()))
        return judge_rule("files", f"{pluralize(len(self.files), 'file')}, {size / 1024:,.0f} kB", self.problems)

    def refuse(self, file: str, message: str, fix: str) -> None:
        """Add a problem."""
        self.problems.append(SubmissionProblem(file=file, line=0, message=message, fix=fix))


def list_submitted(folder: Path) -> SubmittedFiles:
    """Read the files of a submitted folder. Raises UsageError if there is no folder, or its name is not usable."""
    place = Path(os.path.abspath(folder))  # noqa: PTH100 - without following a link
    if place.is_symlink():
        raise UsageError(f"{folder} is a link", hint="name the folder that it leads to")
    if not place.is_dir():
        raise UsageError(
            f"there is no folder {folder}", hint="name the folder of a connector: conn check connectors/shop"
        )
    if not re.fullmatch(NAME, place.name):
        raise UsageError(
            f'"{place.name}" is not a valid connector name',
            hint="rename the folder: lower-case letters, digits, - and _",
        )
    result = SubmittedFiles(place.name)
    for path, size in _walk(place, result):
        if len(result.files) >= MAX_FILES:
            result.refuse("", _TOO_MANY, "submit fewer recordings")
            break
        if size > MAX_FILE_BYTES:
            result.refuse(path, _format_too_large(size, MAX_FILE_BYTES), "submit a smaller file, such as fewer records")
            continue
        try:
            content = read_regular(place / path, MAX_FILE_BYTES)
        except OSError as error:
            result.refuse(
                path, f"it cannot be read: {(error.strerror or str(error)).lower()}", "correct its permissions"
            )
            continue
        result.files[path] = content
        if sum(map(len, result.files.values())) > MAX_BYTES:
            result.refuse("", f"the files together are larger than {MAX_BYTES // 2**20} MiB", "submit fewer recordings")
            break
    result.problems += find_foreign(result.files)
    return result


def _format_too_large(size: int, limit: int) -> str:
    return f"it has {size / 2**20:,.1f} MiB; a file may have {limit // 2**20} MiB"


def find_foreign(files: Mapping[str, bytes]) -> Iterator[SubmissionProblem]:
    """Yield a problem for each file that is not part of a connector, and for parts that are missing."""
    seen: dict[str, str] = {}
    for path in files:
        if not _PLACES.fullmatch(path):
            message = "it is not a file of a connector"
            yield SubmissionProblem(file=path, line=0, message=message, fix=f"remove it; a folder has {_LAYOUT}")
        elif (other := seen.setdefault(path.casefold(), path)) != path:
            message = f"its name differs from {other} only in upper and lower case"
            yield SubmissionProblem(file=path, line=0, message=message, fix="rename one of them")
    for needed, alternatives in (("connector.yaml", ("connector.yml",)), ("README.md", ())):
        if not {needed, *alternatives} & files.keys():
            yield SubmissionProblem(file="", line=0, message=f"there is no {needed}", fix=f"add {needed}")


def _walk(place: Path, result: SubmittedFiles, below: str = "", depth: int = 0) -> Iterator[tuple[str, int]]:
    """Yield the regular files with their sizes, in a fixed order. Links are never followed."""
    try:
        entries = sorted(os.scandir(place), key=lambda entry: entry.name)
    except OSError as error:
        result.refuse(below, f"it cannot be read: {(error.strerror or str(error)).lower()}", "correct its permissions")
        return
    if len(entries) > MAX_FILES:  # empty folders count too: what comes after them would not be looked at
        result.refuse(below.rstrip("/"), _TOO_MANY, "submit fewer recordings")
        return
    for entry in entries:
        path = f"{below}{entry.name}"
        mode = entry.stat(follow_symlinks=False).st_mode
        if stat.S_ISLNK(mode):
            result.refuse(path, "it is a link", "replace it with the file itself")
        elif stat.S_ISDIR(mode):
            if depth + 1 >= _DEEPEST:
                result.refuse(path, "it is nested too deeply", "remove the folder")
            else:
                yield from _walk(Path(entry.path), result, f"{path}/", depth + 1)
        elif stat.S_ISREG(mode):
            yield path, entry.stat(follow_symlinks=False).st_size
        else:
            result.refuse(path, "it is not a regular file", "remove it")
