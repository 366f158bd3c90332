"""Why an answer's bytes cannot be read: one line each, and none of the bytes. How they are told is `strange`'s."""

__all__ = ["FAULTS", "ArchiveFault", "CharsetFault", "JsonProblem", "RowFault", "XmlProblem", "detect_compression"]

_GZIP, _ZIPS = b"\x1f\x8b\x08", (b"PK\x03\x04", b"PK\x05\x06")


class ArchiveFault(ValueError):
    """An archive that is not unpacked."""


class CharsetFault(ValueError):
    """Bytes of another or an unknown character set."""


class JsonProblem(ValueError):
    """A text that is not acceptable JSON."""


class XmlProblem(ValueError):
    """A text that is not acceptable XML."""


class RowFault(ValueError):
    """A row that cannot be read: which, why, and what to do."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


FAULTS = (ArchiveFault, CharsetFault, JsonProblem, RowFault, XmlProblem)


def detect_compression(head: bytes) -> str | None:
    """`gzip` or `zip`, by the first bytes of an answer; None for neither."""
    if head.startswith(_GZIP):
        return "gzip"
    return "zip" if head.startswith(_ZIPS) else None
