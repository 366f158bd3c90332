"""Score a connector once: stored figures are used until a file changes."""

from typing import TYPE_CHECKING

from conn_cli.console import App

if TYPE_CHECKING:
    from conn_engine.analysis.score import ScoredConnector
    from conn_engine.config import Workspace

__all__ = ["measure_score"]


def measure_score(app: App, workspace: "Workspace", connector: str, *, again: bool = False) -> "ScoredConnector":
    """Return the stored score if no file has changed and not `again`, else a new one, which is stored."""
    from conn_engine.analysis.score import (
        compute_score_digest,
        find_mutation,
        load_scores,
        score_connector,
        store_score,
        with_age,
    )

    now = app.clock.now()
    workspace.file("connector", connector)
    scores = load_scores(workspace)
    stored = scores.get(compute_score_digest(workspace, connector))
    if stored is not None and stored.connector == connector and not again:
        return with_age(stored, now)
    mutation = None if again else find_mutation(workspace, connector, scores.values())
    with app.progress(connector, unit="mistakes") as progress:

        def advance(done: int, total: int) -> None:
            progress.total = total
            progress.advance()

        scored = score_connector(workspace, connector, now=now, mutation=mutation, advance=advance)
    try:
        store_score(workspace, scored)
    except OSError as error:
        app.err(f"the score is not stored: {(error.strerror or str(error)).lower()}")
    return scored
