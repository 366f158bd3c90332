"""Merge two changed versions of a sequence that have a common base, such as the lines of a text."""

from collections.abc import Hashable, Iterator, Sequence
from difflib import SequenceMatcher
from typing import TypeVar

__all__ = ["merge_sequences", "pair_sequences"]

Item = TypeVar("Item", bound=Hashable)
Pair = tuple[Sequence[Item], Sequence[Item]]


def merge_sequences(base: Sequence[Item], local: Sequence[Item], new: Sequence[Item]) -> Iterator[Pair[Item]]:
    """Yield the merged sequence in parts, each as the local and as the new version has it.

    The versions of a part are equal unless both changed it, and differently. Changes of adjacent items are in one part.
    """
    at, local_at, new_at = 0, 0, 0
    for start, end, local_start, new_start in _find_common(base, local, new):
        parts = (base[at:start], local[local_at:local_start], new[new_at:new_start])
        yield from _resolve(*parts)
        if start < end:
            yield base[start:end], base[start:end]
        size = end - start
        at, local_at, new_at = end, local_start + size, new_start + size


def pair_sequences(local: Sequence[Item], new: Sequence[Item]) -> Iterator[Pair[Item]]:
    """Yield two sequences in parts that are either equal or have no item in common."""
    for tag, start, end, new_start, new_end in _match(local, new).get_opcodes():
        part = local[start:end]
        yield part, part if tag == "equal" else new[new_start:new_end]


def _resolve(base: Sequence[Item], local: Sequence[Item], new: Sequence[Item]) -> Iterator[Pair[Item]]:
    if not (base or local or new):
        return
    if list(new) in (list(base), list(local)):
        yield local, local
    elif list(local) == list(base):
        yield new, new
    else:
        yield local, new


def _find_common(
    base: Sequence[Item], local: Sequence[Item], new: Sequence[Item]
) -> Iterator[tuple[int, int, int, int]]:
    """Yield the ranges of the base that both versions have, with their start in the local and in the new version.

    The last range is the empty one at the end of all three.
    """
    local_blocks, new_blocks = _match(base, local).get_matching_blocks(), _match(base, new).get_matching_blocks()
    index, other = 0, 0
    while index < len(local_blocks) and other < len(new_blocks):
        (start_a, local_start, size_a), (start_b, new_start, size_b) = local_blocks[index], new_blocks[other]
        start, end = max(start_a, start_b), min(start_a + size_a, start_b + size_b)
        if start < end:
            yield start, end, local_start + start - start_a, new_start + start - start_b
        if start_a + size_a < start_b + size_b:
            index += 1
        else:
            other += 1
    yield len(base), len(base), len(local), len(new)


def _match(one: Sequence[Item], other: Sequence[Item]) -> SequenceMatcher[Item]:
    return SequenceMatcher(None, one, other, autojunk=False)
