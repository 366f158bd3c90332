"""Continue a listing after a part that the vendor refuses, if configured, and raise the error at its end."""

from conn_engine.errors import TransportError, VendorError
from conn_engine.runtime.layers import Listing

__all__ = ["raise_failures", "survive"]

_MEMORY = "part_failures"


def survive(listing: Listing, error: VendorError) -> None:
    """Remember the error if the operation continues with its other parts; else raise it.

    An error without a response is always raised, because the other parts would get none either.
    """
    if listing.operation.part_failure != "continue" or isinstance(error, TransportError):
        raise error
    listing.memory.setdefault(_MEMORY, []).append(error)


def raise_failures(listing: Listing) -> None:
    """Raise the first remembered error; its message has the number of failed parts."""
    failures: list[VendorError] = listing.memory.get(_MEMORY, [])
    if not failures:
        return
    first, others = failures[0], len(failures) - 1
    if others:
        first.message = f"{first.message} (so did {others} other {'part' if others == 1 else 'parts'})"
        first.args = (first.message,)
    raise first
