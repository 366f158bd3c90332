"""Parts of the suite, for runs that do not have the time for all of it: the same tests in every run of a part."""

import hashlib

__all__ = ["QUARTERS", "THIRDS", "find_part"]

QUARTERS = (1, 2, 3, 4)
THIRDS = (1, 2, 3)


def find_part(name: str, parts: tuple[int, ...]) -> int:
    """Return the part that a file (its path below the folder of tests) or a test (its ID) belongs to.

    A new one does not move the others.
    """
    return parts[hashlib.sha256(name.encode()).digest()[0] % len(parts)]
