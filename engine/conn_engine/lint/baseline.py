"""A baseline lists accepted findings by fingerprints, which stay the same when lines move."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from conn_engine.diagnostics import Diagnostic
from conn_engine.documents import dump_json, write_whole
from conn_engine.errors import UsageError

__all__ = ["apply_baseline"]


def apply_baseline(path: Path, findings: Sequence[Diagnostic], *, update: bool = False) -> list[Diagnostic]:
    """Return the findings that the baseline does not list. With `update`, replace the baseline by `findings`.

    Raises UsageError when the file is not a baseline or is missing: a mistyped name must not accept everything.
    """
    if not update and not path.exists():
        raise UsageError(
            f"baseline {path.name} does not exist",
            hint="add --update-baseline to create it from the current findings, and commit it",
        )
    if update:
        rows = [
            {
                "fingerprint": f.fingerprint,
                "code": f.code,
                "file": f.span.file if f.span else "",
                "message": f.message,
            }
            for f in sorted(findings, key=Diagnostic.sort_key)
        ]
        write_whole(path, dump_json({"format": 1, "accepted": rows}))
        return []
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        accepted = {row["fingerprint"] for row in data["accepted"]}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(
            f"{path.name} is not a baseline: {error}", hint="write it again with --update-baseline"
        ) from error
    return [one for one in findings if accepted.isdisjoint((one.fingerprint, *_find_earlier_fingerprints(one)))]


def _find_earlier_fingerprints(finding: Diagnostic) -> list[str]:
    """Return those that a baseline of an earlier version has: with `unified.` before a model, also in messages that
    have the place."""
    path = f"unified.{finding.path}"
    messages = {finding.message, finding.message.replace(finding.path, path) if finding.path else finding.message}
    return [replace(finding, path=path, message=message).fingerprint for message in messages]
