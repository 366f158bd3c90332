"""Character sets of responses: find the one that applies, and convert bytes to UTF-8."""

import codecs
import io
import re
from collections.abc import Iterator

from conn_engine.bodies.faults import CharsetFault
from conn_engine.wire import Headers

__all__ = ["Pieces", "find_charset", "get_declared_charset", "is_charset", "to_utf8"]

_BOMS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe\x00\x00", "utf-32-le"), (b"\x00\x00\xfe\xff", "utf-32-be"),
         (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))  # fmt: skip
# Only text encodings: Python also registers transformations under names that a header could give.
_CHARSET = re.compile(
    r"utf-?8|utf-?16([_-]?[lb]e)?|utf-?32([_-]?[lb]e)?|us-ascii|ascii|iso-?8859-\d{1,2}|latin-?\d|l1"
    r"|windows-(125\d|874|31j)|cp(125\d|437|85[0258]|86[56]|874|932|949|950)|mac-?roman|koi8-[ru]|shift[_-]?jis|sjis"
    r"|euc[_-](jp|kr)|gbk|gb2312|gb18030|big5(-hkscs)?|tis-620"
)


def is_charset(name: str) -> bool:
    """Return whether a name is a known character set."""
    if not _CHARSET.fullmatch(name.lower()):
        return False
    try:
        codecs.lookup(name)
    except LookupError:
        return False
    return True


def get_declared_charset(headers: Headers) -> str | None:
    """Return the character set declared in the content type, in lower case, unchecked."""
    match = re.search(r'charset\s*=\s*"?([^\s";,]{1,40})', headers.get("content-type", ""), re.IGNORECASE)
    return match[1].lower() if match else None


def find_charset(head: bytes, headers: Headers, configured: str | None) -> tuple[str, int]:
    """Return the character set and the length of the byte order mark.

    The mark wins, then the `configured` one, then the declared one, then UTF-8. `head` has the first bytes. The name
    may be unknown.
    """
    for mark, name in _BOMS:
        if head.startswith(mark):
            return name, len(mark)
    return (configured or get_declared_charset(headers) or "utf-8").lower(), 0


def to_utf8(pieces: Iterator[bytes], name: str) -> Iterator[bytes]:
    """Yield the pieces as UTF-8. Raises CharsetFault for an unknown character set and for bytes that are invalid in it.

    UTF-8 input is checked too. The result does not depend on how the bytes are split.
    """
    charset_name = re.sub(r"[^a-z0-9_.-]", "?", name)[:40]
    if not is_charset(name):
        raise CharsetFault(f'the character set "{charset_name}" is unknown')
    decoder = codecs.getincrementaldecoder(name)("strict")
    is_unchanged = codecs.lookup(name).name in ("utf-8", "ascii")
    try:
        for piece in pieces:
            text = decoder.decode(piece)
            yield piece if is_unchanged else text.encode("utf-8", "surrogatepass")
        decoder.decode(b"", final=True)
    except UnicodeError:
        raise CharsetFault(f'the bytes are not valid in its character set "{charset_name}"') from None


class Pieces(io.RawIOBase):
    """A reader of bytes that arrive in pieces."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Fill the buffer from the current piece."""
        while not self._rest:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._rest = memoryview(piece)
        count = min(len(buffer), len(self._rest))
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count
