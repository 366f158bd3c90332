"""What proposed mappings give for the samples of an import: recordings, goldens and the score of the connector."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from conn_cli.console import App

if TYPE_CHECKING:
    from conn_engine.analysis.score import ScoredConnector
    from conn_engine.command_reports import ReplayedProposals
    from conn_engine.config import Effective, OperationName, Workspace

__all__ = ["ProposedResults", "replay_proposed"]


@dataclass(slots=True)
class ProposedResults:
    """The unified operations that were recorded with a golden, those that fail with the reason, and the score."""

    recorded: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    score: "ScoredConnector | None" = None

    def to_report(self) -> "ReplayedProposals":
        """Return the part of the import's report."""
        from conn_engine.command_reports import MissingPart, ReplayedProposals

        steps = self.score.next_steps if self.score is not None else []
        return ReplayedProposals(
            recorded=self.recorded,
            failed=self.failed,
            score=self.score.score if self.score is not None else None,
            next_steps=[MissingPart(missing=step.missing, do=step.do, points=step.points) for step in steps],
        )


def replay_proposed(app: App, root: Path, connector: str, *, force: bool) -> ProposedResults:
    """Run the proposed listings of a connector on its samples, write what they give, and score it. Sends nothing."""
    from conn_engine.analysis.score import score_connector
    from conn_engine.config import load_workspace
    from conn_engine.errors import ConnError

    results = ProposedResults()
    workspace = load_workspace(root)
    effective = workspace.effective(account=None, connector=connector)
    for name, operation in effective.unified_operations():
        sample = root / "connectors" / connector / "recordings" / f"{operation.resource}.{name.method}.json"
        if name.method != "list" or not sample.is_file():
            continue
        try:
            _record(app, workspace, effective, name, sample, force=force)
            fault = _write_golden(app, workspace, connector, name.text)
        except ConnError as error:
            fault = error.message
        if fault:
            results.failed[name.text] = fault
        else:
            results.recorded.append(name.text)
    with app.progress(connector, unit="mistakes") as progress:

        def advance(done: int, total: int) -> None:
            progress.total = total
            progress.advance()

        try:
            results.score = score_connector(workspace, connector, now=app.clock.now(), advance=advance)
        except ConnError as error:
            app.err(f"{connector} has no score yet: {error.message}")
    return results


def _record(
    app: App, workspace: "Workspace", effective: "Effective", name: "OperationName", sample: Path, *, force: bool
) -> None:
    from msgspec import UNSET

    from conn_engine.documents import WriteOptions
    from conn_engine.recordings.files import load_recording
    from conn_engine.runtime.call import Call
    from conn_engine.testing.recording_path import find_recording_path
    from conn_engine.testing.samples import SampleResponse, record_samples

    recording = load_recording(sample)
    responses = [exchange.response for exchange in recording.exchanges]
    samples = [
        SampleResponse(sample.name, json.dumps(response.body).encode(), response.status)
        for response in responses
        if response.body is not UNSET
    ]
    path = find_recording_path(workspace, effective.connector_name, name, "default")
    call = Call(params=recording.call.params)
    placing: WriteOptions = {"within": workspace.root, "overwrite": force}
    record_samples(effective, name, call, samples, path, clock=app.clock, redactor=app.redactor, placing=placing)


def _write_golden(app: App, workspace: "Workspace", connector: str, operation: str) -> str:
    """Write the result of an operation as its golden, and return "". If it does not fit its model, return why."""
    from conn_engine.diagnostics import Severity
    from conn_engine.testing.goldens import update_golden
    from conn_engine.testing.selection import Selection
    from conn_engine.testing.suite import run_suite

    for report in run_suite(workspace, Selection(operations=(operation,), connector=connector, alone=True)):
        for judgement in report.judgements:
            update_golden(judgement, app.redactor, within=workspace.root)
            for finding in judgement.findings:
                if finding.severity is Severity.ERROR:
                    return finding.message
    return ""
