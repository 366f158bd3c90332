"""Every connector of the catalogue meets everything that one from somebody else must meet."""

from pathlib import Path

import pytest

from conn_engine.analysis.score import load_bundled_scores
from conn_engine.analysis.submissions import check_submission

CONNECTORS = sorted(path.parent for path in (Path(__file__).parents[2] / "connectors").glob("*/connector.yaml"))
STORED = {scored.connector: scored.mutation for scored in load_bundled_scores().values()}


@pytest.mark.slow
@pytest.mark.parametrize("folder", CONNECTORS, ids=lambda folder: folder.name)
def test_every_rule_is_met(folder):
    result = check_submission(folder, seconds=3600)
    problems = [
        f"{verdict.rule}: {problem.file}:{problem.line} {problem.message} ({verdict.detail})"
        for verdict in result.verdicts
        for problem in verdict.problems
    ]
    assert problems == []
    assert result.passed
    (noticed,) = [float(verdict.detail.partition("%")[0]) for verdict in result.verdicts if verdict.rule == "mutations"]
    assert abs(STORED[folder.name].percent - noticed) < 1, "the stored score is old: run `make scores`"
