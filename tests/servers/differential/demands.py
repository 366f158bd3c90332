"""What a run over manifests has to show, of a part of the sample as of all of it."""

from collections.abc import Iterator, Sequence

from differential.manifests import own
from differential.sample import Outcome

__all__ = ["LEAST_EXPLAINED", "LEAST_WHOLE", "find_shortfalls", "share_explained", "share_whole"]

LEAST_EXPLAINED = 0.96
"""Of the first readings: those that agree, or have a stated reason."""
LEAST_WHOLE = 0.95
"""Of the streams of the sample that need no code: those that are imported with nothing left out."""


def find_shortfalls(results: Sequence[Outcome]) -> Iterator[str]:
    """A sentence for each demand that is not met."""
    for one in results:
        if one.status in ("differs", "unread"):
            yield f"{one.manifest}:{one.stream} ({one.phase}) {one.status}: {one.detail}"
    for share, least, what in (
        (share_explained(results), LEAST_EXPLAINED, "of the first readings agree or have a stated reason"),
        (share_whole(results), LEAST_WHOLE, "of the streams without code are imported with nothing left out"),
    ):
        if share < least:
            yield f"{share:.1%} {what}, not {least:.0%}"


def share_explained(results: Sequence[Outcome]) -> float:
    """The share of the first readings that agree or have a stated reason. One at which both stop does not count."""
    firsts = [one for one in results if one.phase == "first" and one.status != "custom"]
    return sum(one.status in ("agrees", "explained") for one in firsts) / max(len(firsts), 1)


def share_whole(results: Sequence[Outcome]) -> float:
    """The share of the sample's streams without code of which nothing is left out."""
    ours = {path.stem for path in own()}
    free = [one for one in results if one.phase == "first" and one.status != "custom" and one.manifest not in ours]
    return sum(not one.left for one in free) / max(len(free), 1)
