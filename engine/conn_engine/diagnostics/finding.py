"""Findings as values: where (`Span`), how bad (`Severity`), what and how to mend (`Diagnostic`). They draw nothing."""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from enum import IntEnum
from functools import lru_cache

from conn_engine.diagnostics.codes import CODES

__all__ = ["Diagnostic", "Severity", "Span", "diagnostic", "did_you_mean", "find_worst_severity", "remove_duplicates"]


class Severity(IntEnum):
    """Ordered: a larger value is worse."""

    INFO = 1
    WARNING = 2
    ERROR = 3


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A stretch of one file. Lines and columns count from 1, in characters; `end_column` is exclusive."""

    file: str
    line: int = 1
    column: int = 1
    end_line: int = 0
    end_column: int = 0


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding.

    `path` is the dotted configuration path it is about, `hint` the mend or a did-you-mean, `related` further places
    (such as the override that shadows this line).
    """

    code: str
    message: str
    severity: Severity
    span: Span | None = None
    path: str = ""
    hint: str = ""
    related: tuple[tuple[Span, str], ...] = field(default=())

    @property
    def fingerprint(self) -> str:
        """Stable between runs and when lines move: code, file, configuration path and message."""
        parts = (self.code, self.span.file if self.span else "", self.path, self.message)
        return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:20]

    def sort_key(self) -> tuple[str, int, int, str, str]:
        """By place, then code: the order in which findings are reported."""
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
) -> Diagnostic:
    """Make a finding with the severity that the code table gives it. Raises KeyError for a code not in the table."""
    row = CODES[code]
    level = severity if severity is not None else Severity[row.severity.upper()]
    return Diagnostic(code, message, level, span, path, hint, tuple(related))


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`did you mean "x"?` for the nearest known word, or an empty string."""
    return _suggest_nearest(word, tuple(known))


def pluralize(number: int, noun: str) -> str:
    """`1 file`, `2 files`, `1,904 records`. The plural is the noun with an s."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


@lru_cache(maxsize=2048)
def _suggest_nearest(word: str, known: tuple[str, ...]) -> str:
    # Remembered, as thousands of accounts inherit one slip from their base.
    near = get_close_matches(word, known, n=1, cutoff=0.6)
    return f'did you mean "{near[0]}"?' if near else ""


def remove_duplicates(findings: Iterable[Diagnostic], gist: Callable[[str], str] = str) -> list[Diagnostic]:
    """Sorted by place, each finding once: an alias, or several recordings, may bring the same fault of one line many
    times. Two findings at one place are the same when `gist` gives the same of their messages."""
    kept: dict[tuple[str, Span | None, str], Diagnostic] = {}
    for finding in sorted(findings, key=Diagnostic.sort_key):
        kept.setdefault((finding.code, finding.span, gist(finding.message)), finding)
    return list(kept.values())


def find_worst_severity(findings: Iterable[Diagnostic]) -> Severity | None:
    """The worst severity among the findings; None when there are none."""
    return max((finding.severity for finding in findings), default=None)
