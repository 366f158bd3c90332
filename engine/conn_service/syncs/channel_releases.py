"""Run syncs of the release that a channel serves. A run keeps the release that it began with."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from conn_engine.analysis.impact.live import LiveEvaluation
from conn_engine.config import Workspace
from conn_engine.releases.actors import Act
from conn_engine.releases.model import Rollout
from conn_engine.releases.rollouts import halt_unchanged
from conn_engine.releases.serving import ReleaseSource
from conn_service.rollouts import RolloutStore, RolloutWatch
from conn_service.syncs.opening import ReleaseLookup

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine

__all__ = ["ChannelReleases", "watch_rollouts"]


class ChannelReleases:
    """The releases of a channel. `root` is the folder that relative destinations start at. Closing it is the caller's
    task."""

    def __init__(self, source: ReleaseSource, root: Path) -> None:
        self.root = root
        self._source = source

    def get_current(self) -> tuple[str, Workspace]:
        """Return the release that the channel serves."""
        served = self._source.current()
        return served.release, served.workspace

    def get_workspace(self, release: str) -> Workspace:
        """Return the workspace of a release, also if the channel does not serve it any more. A run that began with the
        files of a folder continues with the current release."""
        return self._source.find_workspace(release) if release else self.get_current()[1]

    def halt_rollout(self, rollout: Rollout, reason: str, checks: Mapping[str, Any]) -> None:
        """Halt a rollout unless it was changed in the meantime. Raises ChannelMovedError, and the errors of the
        store."""
        act = Act("conn sync work", self._source.clock.now())
        self._source.move(halt_unchanged(rollout, reason, act, checks))


def watch_rollouts(
    engine: "Engine", served: ReleaseLookup, revised: ReleaseLookup, evaluation: LiveEvaluation
) -> RolloutWatch | None:
    """Return what watches the rollouts of a channel; None for a folder, which has none. `revised` are the releases as
    runs use them, and `evaluation` is where the comparison evaluates expressions."""
    if not isinstance(served, ChannelReleases):
        return None
    return RolloutWatch(RolloutStore(engine), lambda: revised.get_current()[1], served.halt_rollout, evaluation)
