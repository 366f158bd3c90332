"""Why the bytes of a response cannot be read: one line each, without any of the bytes. `decode_errors` builds the error
messages."""

__all__ = ["FAULTS", "ArchiveFault", "CharsetFault", "JsonProblem", "RowFault", "XmlProblem", "detect_compression"]

_GZIP, _ZIPS = b"\x1f\x8b\x08", (b"PK\x03\x04", b"PK\x05\x06")


class ArchiveFault(ValueError):
    """An archive that cannot be unpacked."""


class CharsetFault(ValueError):
    """Bytes in a different or an unknown character set."""


class JsonProblem(ValueError):
    """Text that is not valid JSON."""


class XmlProblem(ValueError):
    """Text that is not valid XML."""


class RowFault(ValueError):
    """A row that cannot be read: which row, why, and what to do."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


FAULTS = (ArchiveFault, CharsetFault, JsonProblem, RowFault, XmlProblem)


def detect_compression(head: bytes) -> str | None:
    """Return `gzip` or `zip` from the first bytes of a response; None for neither."""
    if head.startswith(_GZIP):
        return "gzip"
    return "zip" if head.startswith(_ZIPS) else None
