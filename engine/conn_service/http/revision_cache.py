"""What is made of an account's configuration, once for each revision, for the accounts that were asked for last."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from conn_engine.config import Workspace
from conn_service.revisions import ConfigurationSource

__all__ = ["RevisionCache"]

T = TypeVar("T")
_MOST_KEPT = 200


@dataclass(frozen=True, slots=True)
class RevisionCache(Generic[T]):
    """Values by account. `build` makes one, in a thread, from the revision, its workspace and the account."""

    build: Callable[[str, Workspace, str], T]
    kept: OrderedDict[str, tuple[str, T]] = field(default_factory=OrderedDict)

    async def find(self, source: ConfigurationSource, account: str) -> T:
        """Return the value of an account for its revision now. Raises the errors of `build`."""
        revision, workspace = source.get_of_account(account)
        known = self.kept.get(account)
        if known is None or known[0] != revision:
            known = self.kept[account] = revision, await asyncio.to_thread(self.build, revision, workspace, account)
        self.kept.move_to_end(account)
        while len(self.kept) > _MOST_KEPT:
            self.kept.popitem(last=False)
        return known[1]
