"""Check a connector folder that somebody else wrote, before it is used or added to the catalogue. Public API.

The folder is hostile until it passes. This process only lists and copies its files; everything that reads them runs in
a process with limits (`process`), which can neither send anything nor write a file. `files` decides what a folder may
contain, `contents` searches the files, `trials` lints and tests them, and `verdict` has the results.
"""

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from conn_engine.analysis.submissions.files import list_submitted
from conn_engine.analysis.submissions.process import run_stage
from conn_engine.analysis.submissions.stages import QUICK_STAGES, STAGES, Stage
from conn_engine.analysis.submissions.verdict import CheckedSubmission, Demands, RuleVerdict
from conn_engine.documents.copied_files import Files

__all__ = ["CheckedSubmission", "Demands", "RuleVerdict", "check_files", "check_submission", "lay_out"]

SECONDS = 900.0
"""The longest time of one stage, on a busy machine too: the mutations of a large connector take minutes."""


def check_submission(
    folder: Path,
    *,
    stages: Sequence[Stage] = STAGES,
    seconds: float = SECONDS,
    tell: Callable[[str], None] = lambda note: None,
) -> CheckedSubmission:
    """Check a connector folder with these stages; rules of other stages are not judged (None). A stage is stopped after
    `seconds`.

    Raises UsageError if there is no such folder, or its name is not that of a connector.
    """
    submitted = list_submitted(folder)
    result = CheckedSubmission(submitted.name, [submitted.verdict])
    if submitted.verdict.passed:
        _run_stages(result, submitted.files, stages, seconds, tell)
    result.complete()
    return result


def check_files(name: str, files: Files, *, tell: Callable[[str], None] = lambda note: None) -> CheckedSubmission:
    """Check the files of a connector that are not in a folder, with the quick stages. The caller has checked their
    names and sizes."""
    result = CheckedSubmission(name, [])
    _run_stages(result, files, QUICK_STAGES, SECONDS, tell)
    result.complete()
    return result


def _run_stages(
    result: CheckedSubmission, files: Files, stages: Sequence[Stage], seconds: float, tell: Callable[[str], None]
) -> None:
    with tempfile.TemporaryDirectory(prefix="conn-check-") as place:
        root = lay_out(Path(place), result.name, files)
        for stage in stages:
            tell(stage)
            result.add(run_stage(stage, root, result.name, seconds))


def lay_out(root: Path, name: str, files: Files) -> Path:
    """Write the files of a connector to an otherwise empty workspace, and return its folder."""
    (root / "conn.yaml").write_text("version: 1\n", encoding="utf-8")
    for path, content in files.items():
        target = root / "connectors" / name / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    return root
