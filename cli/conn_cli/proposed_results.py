"""What proposed mappings give for the samples of an import: recordings, goldens and the score of the connector."""

from collections.abc import Collection
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from conn_cli.console import App

if TYPE_CHECKING:
    from conn_engine.analysis.score import ScoredConnector
    from conn_engine.command_reports import ReplayedProposals
    from conn_engine.config import Workspace
    from conn_import import ImportedConnector

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


def replay_proposed(app: App, root: Path, imported: "ImportedConnector", *, force: bool) -> ProposedResults:
    """Run the operations of an import on its samples, write what they give, judge the requests, and score it. Sends
    nothing."""
    from conn_cli.sample_recordings import SampleRecorder
    from conn_cli.scoring import measure_score
    from conn_engine.analysis.score import judge_recordings, read_contract, write_contract
    from conn_engine.config import load_workspace
    from conn_engine.errors import ConnError

    connector = imported.name
    workspace = load_workspace(root)
    effective = workspace.effective(account=None, connector=connector)
    recorder = SampleRecorder(app, workspace, effective, imported, force)
    recorder.record()
    results = ProposedResults(failed=recorder.failed)
    folder = workspace.root / "connectors" / connector / "recordings"
    made = recorder.made | {folder / f"{sample.operation}.json" for sample in imported.recordings}
    _write_goldens(app, workspace, connector, results, made)
    if imported.endpoints:
        contract = judge_recordings(workspace, connector, read_contract(workspace, connector), imported.endpoints)
        write_contract(workspace, connector, contract)
    try:
        results.score = measure_score(app, workspace, connector)
    except ConnError as error:
        app.err(f"{connector} has no score yet: {error.message}")
    return results


def _write_goldens(
    app: App, workspace: "Workspace", connector: str, results: ProposedResults, made: Collection[Path]
) -> None:
    """Write the result of each recording of this import (`made`) as its golden. A sample that does not fit is removed,
    except the usual one of a unified operation, whose mapping needs a correction."""
    from conn_engine.diagnostics import Severity
    from conn_engine.testing.goldens import update_golden
    from conn_engine.testing.selection import Selection
    from conn_engine.testing.suite import run_suite

    selections = [Selection(connector=connector, raw=raw, alone=True) for raw in (True, False)]
    for report in chain.from_iterable(run_suite(workspace, selection) for selection in selections):
        for judgement in report.judgements:
            case = judgement.case
            if case.path not in made:  # an author's, from before an import with --force
                continue
            update_golden(judgement, app.redactor, within=workspace.root)
            errors = [finding.message for finding in judgement.findings if finding.severity is Severity.ERROR]
            is_usual = case.scenario == "default" and case.name.kind == "unified"
            if errors:
                results.failed[case.name.text if is_usual else f"{case.name.text} ({case.scenario})"] = errors[0]
                if not is_usual:
                    case.path.unlink(missing_ok=True)
            elif is_usual:
                results.recorded.append(case.name.text)
