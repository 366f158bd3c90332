"""Run syncs of the release that a channel serves. A run keeps the release that it began with."""

from pathlib import Path

from conn_engine.config import Workspace
from conn_engine.releases.serving import ReleaseSource

__all__ = ["ChannelReleases"]


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
