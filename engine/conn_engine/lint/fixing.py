"""Apply the certain fixes of findings to the documents of a workspace.

The texts are drafts until the end. Fixes are applied in rounds, because a fix can show what an earlier mistake hid. A
fix counts only if its finding is gone and no error is new; the others are left to people.
"""

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from conn_engine.config import File, Workspace
from conn_engine.config.formatting import rename_settings
from conn_engine.diagnostics import Diagnostic, Fix, Severity, Span, diagnostic, pluralize
from conn_engine.documents import format_path, is_overlap, parse, write_whole
from conn_engine.documents.edits import apply_edits
from conn_engine.documents.reserving import reserve_folder
from conn_engine.errors import ConfigurationError, UsageError
from conn_engine.lint.linter import SKIPPED_FOLDERS, lint_workspace, open_paths
from conn_engine.lint.report import AppliedFix
from conn_engine.wire import MACHINE_CLOCK, Clock

__all__ = ["FixedTexts", "fix_paths", "write_fixed_texts"]

_ROUNDS: Final = 20
_HIDING: Final = ("DOC", "CFG10", "REF101", "REF142")
"""The beginnings of codes of errors that keep a document from being checked further."""
_DEPTH: Final = 3
"""How many fixes in a row may each be needed because of the one before, as with a quoted template that is invalid."""


@dataclass(slots=True)
class FixedTexts:
    """The documents that fixes may change: their texts before and after, by file, the findings before and after, and
    the fixes that were applied, by place. `skipped` has an error for each file that has certain fixes and is read-only.
    """

    root: Path
    before: dict[str, str]
    after: dict[str, str]
    found: list[Diagnostic]
    left: list[Diagnostic]
    applied: list[AppliedFix] = field(default_factory=list)
    skipped: list[Diagnostic] = field(default_factory=list)

    @property
    def changed_files(self) -> list[str]:
        """The files whose text changed, sorted."""
        return sorted(file for file, text in self.after.items() if text != self.before[file])

    def format_diff(self) -> str:
        """Return the changes as a unified diff."""
        from difflib import unified_diff

        lines: list[str] = []
        for file in self.changed_files:
            before, after = self.before[file].splitlines(keepends=True), self.after[file].splitlines(keepends=True)
            lines += unified_diff(before, after, f"a/{file}", f"b/{file}")
        return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)


@dataclass(frozen=True, slots=True)
class _Attempt:
    """Texts with fixes, and what lint finds in them."""

    texts: dict[str, str]
    findings: list[Diagnostic]
    fixed: tuple[Diagnostic, ...] = ()


def fix_paths(folder: Path, paths: Sequence[Path], clock: Clock = MACHINE_CLOCK) -> FixedTexts:
    """Fix the documents in files and folders; without `paths`, those of the workspace at or above `folder`.

    Nothing is written: pass the result to `write_fixed_texts`. Files that are read-only stay, and are `skipped` if they
    have fixes; so do those that belong to an installed package or lie in a hidden folder. Raises the errors of
    `lint_paths`.
    """
    workspace, only = open_paths(folder, paths)
    return _Fixer(workspace, only, clock).run()


def write_fixed_texts(fixed: FixedTexts) -> None:
    """Write each changed file completely. Raises UsageError if one was changed meanwhile, before any is written."""
    with reserve_folder(fixed.root):
        for file in fixed.changed_files:
            if _read_text(fixed.root / file) != fixed.before[file]:
                raise UsageError(f"{file} was changed meanwhile", hint="run the command again")
        for file in fixed.changed_files:
            write_whole(fixed.root / file, fixed.after[file], within=fixed.root)


def _read_text(path: Path) -> str:
    return path.read_bytes().decode("utf-8", "surrogateescape")


class _Fixer:
    def __init__(self, workspace: Workspace, only: Sequence[Path] | None, clock: Clock) -> None:
        self._workspace = workspace
        self._only = only
        self._clock = clock
        files = {workspace.format_path(file.path): file for file in _list_editable(workspace, only)}
        self._files = {name: file for name, file in files.items() if _is_writable(file.path)}
        self._read_only = files.keys() - self._files.keys()
        self._texts = {name: _read_text(file.path) for name, file in self._files.items()}
        self._refused: set[str] = set()

    def run(self) -> FixedTexts:
        current = _Attempt(self._texts, self._lint(self._texts))
        fixed = FixedTexts(self._workspace.root, self._texts, self._texts, current.findings, [])
        for _ in range(_ROUNDS):
            batch = list(self._choose(current.findings))
            if not batch:
                break
            current = self._apply(current, batch, fixed)
        fixed.after, fixed.left = dict(current.texts), current.findings
        fixed.skipped = list(self._report_skipped(current.findings))
        self._rename_settings(fixed, current.findings)
        fixed.applied.sort(key=lambda one: (one.file, one.line, one.code, one.message))
        return fixed

    def _lint(self, texts: dict[str, str]) -> list[Diagnostic]:
        changed = {name: text for name, text in texts.items() if text != self._texts[name]}
        draft = self._workspace.with_texts(changed) if changed else self._workspace
        return lint_workspace(draft, self._only, self._clock).findings

    def _report_skipped(self, findings: Iterable[Diagnostic]) -> Iterator[Diagnostic]:
        """Yield an error for each read-only file with fixes that are certain."""
        fixes = (finding.fix for finding in findings if finding.fix is not None and finding.fix.is_certain)
        for name, number in sorted(Counter(fix.file for fix in fixes if fix.file in self._read_only).items()):
            message = f"cannot write {name}: it is read-only, and {pluralize(number, 'finding')} could be fixed"
            hint = f"allow writing to it, then run the command again: chmod u+w {name}"
            yield diagnostic("DOC010", message, Span(name), hint=hint)

    def _choose(self, findings: Iterable[Diagnostic]) -> Iterator[Diagnostic]:
        """Yield findings with fixes that do not concern each other's places."""
        chosen: dict[str, list[Fix]] = {}
        for finding in findings:
            fix = finding.fix
            if fix is None or not fix.is_certain or fix.file not in self._files or finding.fingerprint in self._refused:
                continue
            others = chosen.setdefault(fix.file, [])
            if not any(_is_overlapping(fix, other) for other in others):
                others.append(fix)
                yield finding

    def _apply(self, current: _Attempt, batch: list[Diagnostic], fixed: FixedTexts) -> _Attempt:
        """Return the texts with all fixes of the batch that are accepted. Halves of a refused batch are tried alone."""
        attempt = self._attempt(current, batch)
        if attempt is not None:
            fixed.applied += [_describe(finding) for finding in attempt.fixed]
            return attempt
        if len(batch) == 1:
            self._refused.add(batch[0].fingerprint)
            return current
        half = len(batch) // 2
        for part in (batch[:half], batch[half:]):
            current = self._apply(current, part, fixed)
        return current

    def _attempt(self, current: _Attempt, batch: Sequence[Diagnostic], depth: int = 1) -> _Attempt | None:
        """Return the texts with all fixes of a batch, or None if one is refused."""
        texts = dict(current.texts)
        try:
            for finding in batch:
                if finding.fix is not None:
                    texts[finding.fix.file] = apply_edits(texts[finding.fix.file], finding.fix.file, finding.fix.edits)
        except ConfigurationError:
            return None
        after = self._lint(texts)
        fixed = (*current.fixed, *batch) if depth > 1 else tuple(batch)
        attempt = _Attempt(texts, after, fixed)
        if _is_still_there(batch, current.findings, after):
            return None
        new = list(_find_new_errors(current.findings, after, batch))
        if not new:
            return attempt
        further = list(self._choose(new))
        is_fixable = len(further) == len(new) and len(batch) == 1 and depth < _DEPTH
        return self._attempt(attempt, further, depth + 1) if is_fixable else None

    def _rename_settings(self, fixed: FixedTexts, findings: Sequence[Diagnostic]) -> None:
        """Give settings their current names in documents without errors."""
        broken = {finding.span.file for finding in findings if finding.span and finding.severity is Severity.ERROR}
        for name, file in self._files.items():
            if name in broken:
                continue
            document = parse(fixed.after[name], name)
            fixed.after[name], renamed = rename_settings(document, file.kind)
            for spelling in renamed:
                line = document.key_span(spelling.path).line
                message = f"{format_path(spelling.path)} has a newer name"
                fix = f"write {spelling.name}"
                fixed.applied.append(AppliedFix(code="", file=name, line=line, message=message, fix=fix))


def _list_editable(workspace: Workspace, only: Sequence[Path] | None) -> Iterator[File]:
    """Yield the documents that people write and may change."""
    for file in workspace.files():
        folders = file.path.relative_to(workspace.root).parent.parts
        is_selected = only is None or any(file.path == place or file.path.is_relative_to(place) for place in only)
        is_hidden = any(part.startswith(".") for part in folders)
        is_installed = not SKIPPED_FOLDERS.isdisjoint(file.path.resolve().parts)
        if is_selected and not is_hidden and not is_installed:
            yield file


def _is_writable(path: Path) -> bool:
    return bool(path.stat().st_mode & 0o222) and os.access(path, os.W_OK)  # root may write anything


def _is_overlapping(fix: Fix, other: Fix) -> bool:
    """Return whether two fixes of a file may concern the same place. A place in the text may be anywhere."""
    return any(
        edit.span is not None or known.span is not None or is_overlap(edit.path, known.path)
        for edit in fix.edits
        for known in other.edits
    )


def _is_still_there(batch: Sequence[Diagnostic], before: Iterable[Diagnostic], after: Iterable[Diagnostic]) -> bool:
    """Return whether one of the findings of a batch is found again."""
    earlier, later = (Counter(finding.fingerprint for finding in findings) for findings in (before, after))
    fixed = Counter(finding.fingerprint for finding in batch)
    return any(later[mark] > earlier[mark] - number for mark, number in fixed.items())


def _find_new_errors(
    before: Sequence[Diagnostic], after: Iterable[Diagnostic], batch: Sequence[Diagnostic]
) -> Iterator[Diagnostic]:
    """Yield the errors that fixes caused. An error of `_HIDING` hides those of rules that run later, so that an error
    elsewhere was there before."""
    known = Counter(finding.fingerprint for finding in before)
    hides = any(finding.severity is Severity.ERROR and finding.code.startswith(_HIDING) for finding in before)
    lines = {(finding.span.file, finding.span.line) for finding in batch if finding.span is not None}
    for finding in after:
        known[finding.fingerprint] -= 1
        if known[finding.fingerprint] < 0 and finding.severity is Severity.ERROR:
            place = (finding.span.file, finding.span.line) if finding.span is not None else None
            if not hides or place in lines:
                yield finding


def _describe(finding: Diagnostic) -> AppliedFix:
    span = finding.span
    file = finding.fix.file if finding.fix is not None else ""
    line = span.line if span is not None else 1
    return AppliedFix(code=finding.code, file=file, line=line, message=finding.message, fix=finding.hint)
