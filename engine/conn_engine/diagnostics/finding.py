"""Findings as values: place (`Span`), `Severity`, message and fix (`Diagnostic`). Printing them is up to the caller."""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher, get_close_matches
from enum import IntEnum
from functools import lru_cache
from typing import Literal, TypeAlias

from conn_engine.diagnostics.codes import CODES

__all__ = [
    "Diagnostic",
    "Edit",
    "Fix",
    "Severity",
    "Span",
    "diagnostic",
    "did_you_mean",
    "find_match",
    "find_worst_severity",
    "remove_duplicates",
]

_CERTAIN = 0.75
_AHEAD = 0.1


class Severity(IntEnum):
    """The severity of a finding. A larger value is worse."""

    INFO = 1
    WARNING = 2
    ERROR = 3


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A range of one file. Lines and columns count characters from 1; `end_column` is exclusive."""

    file: str
    line: int = 1
    column: int = 1
    end_line: int = 0
    end_column: int = 0


EditAction: TypeAlias = Literal["put", "rename", "drop", "write"]


@dataclass(frozen=True, slots=True)
class Edit:
    """One change of a document: put `value` at `path`, rename the key at `path` to `value`, drop what is at `path`, or
    write `value` over `span`, in a document that cannot be parsed. `path` is that of the document as it is written."""

    action: EditAction
    path: tuple[str | int, ...] = ()
    value: str | int | float | bool = ""
    span: Span | None = None


@dataclass(frozen=True, slots=True)
class Fix:
    """What corrects a finding, as edits of its file. A fix that is not certain needs a person to choose it."""

    file: str
    edits: tuple[Edit, ...]
    is_certain: bool = True


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding.

    `path` is the configuration path that it is about, `hint` the fix or a did-you-mean, `fix` the same as edits, if it
    is an edit, and `related` lists other places, such as the override that replaces the line.
    """

    code: str
    message: str
    severity: Severity
    span: Span | None = None
    path: str = ""
    hint: str = ""
    related: tuple[tuple[Span, str], ...] = field(default=())
    fix: Fix | None = None

    @property
    def fingerprint(self) -> str:
        """A hash of code, file, configuration path and message, which stays the same when lines move."""
        parts = (self.code, self.span.file if self.span else "", self.path, self.message)
        return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:20]

    def sort_key(self) -> tuple[str, int, int, str, str]:
        """Return the key that sorts findings by place, then by code, as they are reported."""
        span = self.span or Span("")
        return (span.file, span.line, span.column, self.code, self.message)


def diagnostic(
    code: str,
    message: str,
    span: Span | None = None,
    *,
    path: str = "",
    hint: str = "",
    related: Sequence[tuple[Span, str]] = (),
    severity: Severity | None = None,
    fix: Fix | None = None,
) -> Diagnostic:
    """Build a finding. Its severity is that of the code table by default. Raises KeyError for an unknown code."""
    row = CODES[code]
    level = severity if severity is not None else Severity[row.severity.upper()]
    return Diagnostic(code, message, level, span, path, hint, tuple(related), fix)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return `did you mean "x"?` with the most similar known word, or an empty string if none is similar."""
    near = find_match(word, known)[0]
    return f'did you mean "{near}"?' if near else ""


def pluralize(number: int, noun: str) -> str:
    """Format a count: `1 file`, `2 files`, `1,904 records`. The plural is the noun with an s."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def join_words(words: Sequence[str], most: int = 0) -> str:
    """Join words to a list: `a`, `a and b`, `a, b and c`. With `most`, further words are counted: `a, b and 3 more`."""
    shown = [*words[:most], f"{len(words) - most} more"] if 0 < most < len(words) else list(words)
    return " and ".join([", ".join(shown[:-1])] * (len(shown) > 1) + shown[-1:])


def find_match(word: str, known: Iterable[str]) -> tuple[str, bool]:
    """Return the known word that `did_you_mean` suggests, or an empty string, and whether it is certain: it is similar,
    and no other one is nearly as similar."""
    return _find_match(word, tuple(known))


@lru_cache(maxsize=2048)
def _find_match(word: str, known: tuple[str, ...]) -> tuple[str, bool]:
    # Cached, because thousands of accounts inherit the same mistake from their base.
    near = get_close_matches(word, known, n=2, cutoff=0.6)
    ratios = [SequenceMatcher(None, name, word).ratio() for name in near]
    is_certain = bool(near) and ratios[0] >= _CERTAIN and (len(near) == 1 or ratios[1] < ratios[0] - _AHEAD)
    return (near[0] if near else "", is_certain)


def remove_duplicates(findings: Iterable[Diagnostic], gist: Callable[[str], str] = str) -> list[Diagnostic]:
    """Sort findings by place, and remove duplicates: an alias, or several recordings, can cause the same finding
    repeatedly.

    Findings with the same code and place are duplicates if `gist` returns the same for their messages.
    """
    unique: dict[tuple[str, Span | None, str], Diagnostic] = {}
    for finding in sorted(findings, key=Diagnostic.sort_key):
        unique.setdefault((finding.code, finding.span, gist(finding.message)), finding)
    return list(unique.values())


def find_worst_severity(findings: Iterable[Diagnostic]) -> Severity | None:
    """Return the worst severity of the findings, or None if there are none."""
    return max((finding.severity for finding in findings), default=None)
