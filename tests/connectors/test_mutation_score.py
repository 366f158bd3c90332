"""The recorded tests of every bundled connector notice at least 95% of the small mistakes that can be made in it."""

from pathlib import Path

import pytest

from conn_engine.analysis.mutants import Bench
from conn_engine.config import load_workspace

ROOT = Path(__file__).parents[2]
CONNECTORS = sorted(path.parent.name for path in (ROOT / "connectors").glob("*/connector.yaml"))
LEAST = 95.0


@pytest.mark.slow
@pytest.mark.parametrize("connector", CONNECTORS)
def test_mistakes_are_noticed(connector):
    bench = Bench(load_workspace(ROOT), connector)
    verdicts = [verdict for verdict in map(bench.verdict, bench.mutants()) if verdict.applicable]
    survivors = [verdict.mutant for verdict in verdicts if not verdict.killed]
    score = 100 * (len(verdicts) - len(survivors)) / len(verdicts)
    shown = "\n".join(f"{mutant.span.file}:{mutant.span.line}  {mutant.text}   ({mutant.path})" for mutant in survivors)
    assert score >= LEAST, f"{connector}: {score:.1f}% noticed, not noticed are\n{shown}"
