"""Who uses which release of a channel, and since when."""

from collections.abc import Sequence
from dataclasses import dataclass

from conn_engine.config import Workspace
from conn_engine.errors import ConnError
from conn_engine.releases.model import Channel, ChannelMove
from conn_engine.releases.rollout_counts import FieldDifference, RolloutCounts

__all__ = ["ChannelStatus", "describe_channel"]


@dataclass(frozen=True, slots=True)
class ChannelStatus:
    """A channel, the accounts of each release that it serves, since when it serves its release, and its last moves.

    `unread` are accounts whose files cannot be read, so that it is unknown which release they use. `counts` and
    `differences` are what the service has seen of the rollout, if its database is known.
    """

    channel: Channel
    now: float
    since: str
    users: dict[str, list[str]]
    moves: Sequence[ChannelMove] = ()
    unread: tuple[str, ...] = ()
    counts: RolloutCounts | None = None
    differences: Sequence[FieldDifference] = ()

    @property
    def members(self) -> list[str]:
        """The accounts that use the release of the rollout."""
        rollout = self.channel.rollout
        return self.users.get(rollout.release, []) if rollout is not None else []


def describe_channel(channel: Channel, moves: Sequence[ChannelMove], workspace: Workspace, now: float) -> ChannelStatus:
    """Describe a channel with all of its moves, the newest first. `workspace` is that of its release."""
    since = next((move.done_at for move in moves if move.release != move.previous), "")
    current, plain = channel.without_ended(now), workspace.with_choice(None)
    users: dict[str, list[str]] = {release: [] for release in current.list_releases()}
    unread = []
    for account in plain.accounts():
        try:
            users[current.find_release(account, lambda account=account: plain.account(account).tags)].append(account)  # type: ignore[misc]
        except ConnError:
            unread.append(account)
    return ChannelStatus(channel, now, since, users, moves, tuple(unread))
