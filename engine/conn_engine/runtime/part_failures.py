"""Parts of a listing that the vendor refuses: whether the others are read all the same, and the error at the end."""

from conn_engine.errors import TransportError, VendorError
from conn_engine.runtime.layers import Listing

__all__ = ["raise_failures", "survive"]

_MEMORY = "part_failures"


def survive(listing: Listing, error: VendorError) -> None:
    """Remember the error where the operation goes through its other parts. Raises it where it does not, and where no
    answer came: the others would have none either."""
    if listing.operation.part_failure != "continue" or isinstance(error, TransportError):
        raise error
    listing.memory.setdefault(_MEMORY, []).append(error)


def raise_failures(listing: Listing) -> None:
    """Raise the first error that was survived; its message says how many parts failed."""
    failures: list[VendorError] = listing.memory.get(_MEMORY, [])
    if not failures:
        return
    first, others = failures[0], len(failures) - 1
    if others:
        first.message = f"{first.message} (so did {others} other {'part' if others == 1 else 'parts'})"
        first.args = (first.message,)
    raise first
