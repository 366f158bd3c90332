"""Cohorts: the accounts that use a release before the others do."""

import hashlib
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Final

from conn_engine.config import Workspace
from conn_engine.diagnostics import did_you_mean, join_words, pluralize
from conn_engine.errors import UsageError

__all__ = ["EVERYONE", "Cohort", "find_members", "list_members"]

_SPAN: Final = 2**64
_MOST_NAMED: Final = 5


@dataclass(frozen=True, slots=True)
class Cohort:
    """A choice of accounts: those of `accounts`, and of those with one of the `tags` (empty: of all), `percent`.

    A cohort without names, tags and a percentage has every account.
    """

    accounts: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    percent: float | None = None

    @property
    def is_everyone(self) -> bool:
        """Whether it has every account."""
        return not self.accounts and not self.tags and self.percent in (None, 100)

    def has_member(self, account: str, seed: str, find_tags: Callable[[], Collection[str]]) -> bool:
        """Return whether an account belongs to the cohort. Each `seed` distributes accounts differently; with the same
        one, a higher percentage only adds accounts."""
        if account in self.accounts:
            return True
        if self.accounts and not self.tags and self.percent is None:
            return False
        if self.percent is not None and _place(account, seed) >= self.percent:
            return False
        return not self.tags or not {*self.tags}.isdisjoint(find_tags())

    def describe(self, *, names: bool = True) -> str:
        """Return the cohort in words, such as `10% of the accounts with the tag beta`. Without `names`, accounts are
        counted."""
        parts = []
        if self.accounts:
            named = join_words(list(self.accounts), most=_MOST_NAMED)
            parts = [named if names else pluralize(len(self.accounts), "account")]
        if self.tags or self.percent is not None or not self.accounts:
            share = "every account" if self.percent in (None, 100) else f"{self.percent:g}% of the accounts"
            tags = f" with the tag {' or '.join(self.tags)}" if self.tags else ""
            parts.append(share + tags)
        return ", and ".join(parts)


EVERYONE: Final = Cohort()


def _place(account: str, seed: str) -> float:
    """Return the place of an account between 0 and 100."""
    digest = hashlib.sha256(f"{seed}\0{account}".encode()).digest()
    return int.from_bytes(digest[:8]) * 100 / _SPAN


def find_members(workspace: Workspace, cohort: Cohort, seed: str) -> list[str]:
    """Return the accounts of a workspace that belong to a cohort, sorted.

    Raises UsageError for a name or a tag that no account has, and for a cohort without an account.
    """
    known = workspace.accounts()
    _check_known("account", cohort.accounts, known)
    if cohort.tags:
        _check_known("tag", cohort.tags, {tag for account in known for tag in workspace.account(account).tags})
    members = list_members(workspace, cohort, seed)
    if not members:
        raise UsageError(
            f"the rollout selects no account: {cohort.describe()}, of {pluralize(len(known), 'account')}",
            hint="raise --percent, or name accounts or tags; to only compare, without serving it: --shadow",
        )
    return members


def list_members(workspace: Workspace, cohort: Cohort, seed: str) -> list[str]:
    """Return the accounts of a workspace that belong to a cohort, sorted. Names that do not exist are left out."""
    return [
        name for name in workspace.accounts() if cohort.has_member(name, seed, partial(_find_tags, workspace, name))
    ]


def _find_tags(workspace: Workspace, account: str) -> Collection[str]:
    return workspace.account(account).tags


def _check_known(kind: str, names: Iterable[str], known: Collection[str]) -> None:
    for name in names:
        if name not in known:
            hint = did_you_mean(name, sorted(known)) or _list_known(kind, known)
            raise UsageError(
                f'no account has the tag "{name}"' if kind == "tag" else f'unknown account "{name}"', hint=hint
            )


def _list_known(kind: str, known: Collection[str]) -> str:
    if known:
        return f"use one of: {join_words(sorted(known))}"
    return "give accounts tags: [NAME] in accounts/*.yaml" if kind == "tag" else "add an account: conn account create"
