"""What is changed while a service runs: accounts, connectors and environments, each as a list of revisions."""

import difflib
import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from conn_engine.config.models import NAME
from conn_engine.errors import ConnError, UsageError

__all__ = ["Revision", "RevisionConflictError", "Subject", "SubjectKind", "describe_version", "format_difference"]

_NAME: Final = re.compile(NAME)
_LONGEST_NAME: Final = 100
_MOST_COMPARED_LINES: Final = 5_000
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
SubjectKind = Literal["account", "connector", "environment"]


class RevisionConflictError(ConnError):
    """Somebody else has changed the same thing in the meantime."""

    exit_code = 2


@dataclass(frozen=True, slots=True, order=True)
class Subject:
    """An account, a connector or an environment, by its name."""

    kind: SubjectKind
    name: str

    @property
    def path(self) -> str:
        """Where it is in a workspace, without the extension of a file."""
        return f"{self.kind}s/{self.name}"

    @property
    def has_valid_name(self) -> bool:
        """Whether its path is that of such a document, and not of another folder."""
        return _NAME.fullmatch(self.name) is not None and len(self.name) <= _LONGEST_NAME

    def check_files(self, files: Mapping[str, str]) -> None:
        """Raise UsageError for a path that is not a document of this subject, and for a text that cannot be stored."""
        if not self.has_valid_name:
            raise UsageError(
                f"the name of {self.kind}s has at most {_LONGEST_NAME} letters, digits, dots, dashes and underscores",
                hint="start it with a letter or digit",
            )
        for path, text in files.items():
            parts = path.split("/")
            is_own = path.startswith(f"{self.path}/") and not {"", ".", ".."} & {*parts} and "\\" not in path
            if self.kind != "connector":
                is_own = path in {f"{self.path}{suffix}" for suffix in (".yaml", ".yml", ".json")}
            if not is_own or not path.isprintable():
                raise UsageError(f'"{path[:200]}" is not a file of {self.path}', hint=f"write {self.path}…")
            if "\0" in text or _SURROGATE.search(text):
                raise UsageError(f"{path} has a character that is not text", hint="save it as UTF-8")


@dataclass(frozen=True, slots=True)
class Revision:
    """A version of a subject: its documents by path, unchanged to the byte. It is deleted if it has none.
    `number` counts the revisions of the subject from 1, and `change` those of all subjects.

    `accepted` is the reason for which a breaking effect was accepted, or "".
    """

    subject: Subject
    number: int
    files: Mapping[str, str]
    tenant: str = ""
    by: str = ""
    at: float = 0.0
    reason: str = ""
    accepted: str = ""
    diff: str = field(default="", compare=False)
    change: int = field(default=0, compare=False)

    @property
    def is_deleted(self) -> bool:
        """Whether there is no such subject from this revision on."""
        return not self.files

    @property
    def version(self) -> str:
        """What distinguishes it from other revisions, and from the same name in a folder or a release."""
        return describe_version(self.number, self.files)


def describe_version(number: int, files: Mapping[str, str]) -> str:
    """Return the number of a revision, with a digest of its documents."""
    return f"{number}-{hashlib.sha256(json.dumps(sorted(files.items())).encode()).hexdigest()[:12]}"


def format_difference(before: Mapping[str, str], after: Mapping[str, str]) -> str:
    """Return the difference of documents as unified diffs. A file with very many lines is only named."""
    return "".join(_list_differences(before, after))


def _list_differences(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[str]:
    for path in sorted({*before, *after}):
        old, new = (_split(files.get(path)) for files in (before, after))
        if old == new:
            continue
        if max(len(old), len(new)) > _MOST_COMPARED_LINES:
            yield f"{path}: {len(old):,} lines before, {len(new):,} lines after\n"
            continue
        names = (f"a/{path}" if path in before else "/dev/null", f"b/{path}" if path in after else "/dev/null")
        for line in difflib.unified_diff(old, new, *names, n=3):
            yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"


def _split(text: str | None) -> Sequence[str]:
    return [] if text is None else text.splitlines(keepends=True)
