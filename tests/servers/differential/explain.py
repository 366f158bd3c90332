"""Why two readings differ where that is right. Each reason recognises one cause and takes away just what it causes;
a difference that is left over is a fault.
"""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from differential.compare import Difference, Shape

__all__ = ["REASONS", "Evidence", "explained"]


@dataclass
class Evidence:
    """One stream read twice: what each side sent, gave and said, and the difference that is left to explain."""

    cdk: Sequence[Shape]
    ours: Sequence[Shape]
    cdk_records: Sequence[Any]
    our_records: Sequence[Any]
    cdk_error: str
    our_error: str
    difference: Difference

    @property
    def left(self) -> bool:
        """Whether something is unexplained."""
        return bool(self.difference or self.cdk_error or self.our_error)


Reason = Callable[[Evidence], bool]
"""Takes away from the evidence what the reason explains; says whether that was anything."""


def logs_in_again(evidence: Evidence) -> bool:
    """The CDK asks for a token for each level of parents, and for a session without expiry with (nearly) every request;
    we keep one until it is refused."""
    sent = {_unscoped(one) for one in evidence.ours}
    return _drop_cdk(evidence, lambda one: one.kind in ("login", "token") and _unscoped(one) in sent)


def scopes_of_a_refresh(evidence: Evidence) -> bool:
    """The CDK sends OAuth scopes as repeated `scopes` fields, which is no parameter of OAuth; we send none in a
    refresh."""
    theirs = [one for one in evidence.difference.only_cdk if one.kind == "token" and "scopes=" in one.body]
    return _pair(evidence, [(one, _unscoped(one)) for one in theirs])


def asks_past_a_short_page(evidence: Evidence) -> bool:
    """A first page that is shorter than asked for may have been cut by the vendor: we ask once more to be sure, and get
    nothing; the CDK takes it for the last."""
    short = {(one.name, one.place) for one in evidence.cdk if one.page == 0 and one.count}
    return _drop_ours(evidence, lambda one: one.page > 0 and one.count == 0 and (one.name, one.place) in short)


def asks_forever(evidence: Evidence) -> bool:
    """The manifest does not say where the page's token goes: the CDK asks for the same page without end; we stop at the
    first page that repeats."""
    if "418 Client Error" not in evidence.cdk_error and not evidence.our_error:
        return False
    counts = Counter(evidence.cdk)
    most = max(counts.values(), default=0)
    repeats = re.search(r"has the same|comes? again|repeat", evidence.our_error)
    if most < 20 or not repeats or set(evidence.ours) - set(counts):
        return False
    evidence.cdk_error = evidence.our_error = ""
    evidence.difference = Difference()
    return True


REASONS: Mapping[str, Reason] = {
    reason.__name__.replace("_", " "): reason
    for reason in (
        scopes_of_a_refresh,
        logs_in_again,
        asks_past_a_short_page,
        asks_forever,
    )
}


def _unscoped(one: Shape) -> Shape:
    return replace(one, body="&".join(pair for pair in one.body.split("&") if not pair.startswith("scopes=")))


def _drop_cdk(evidence: Evidence, unneeded: Callable[[Shape], bool]) -> bool:
    kept = [one for one in evidence.difference.only_cdk if not unneeded(one)]
    dropped = len(kept) < len(evidence.difference.only_cdk)
    evidence.difference.only_cdk = kept
    return dropped


def _drop_ours(evidence: Evidence, extra: Callable[[Shape], bool]) -> bool:
    kept = [one for one in evidence.difference.only_ours if not extra(one)]
    dropped = len(kept) < len(evidence.difference.only_ours)
    evidence.difference.only_ours = kept
    return dropped


def _pair(evidence: Evidence, pairs: Sequence[tuple[Shape, Shape]]) -> bool:
    """Take requests that stand for each other away on both sides, as often as both are there."""
    found = False
    for theirs, mine in pairs:
        if theirs in evidence.difference.only_cdk and mine in evidence.difference.only_ours:
            evidence.difference.only_cdk.remove(theirs)
            evidence.difference.only_ours.remove(mine)
            found = True
    return found


def explained(evidence: Evidence) -> list[str]:
    """The names of the reasons that took something away. `evidence.left` says whether they took all."""
    return [name for name, reason in REASONS.items() if evidence.left and reason(evidence)]
