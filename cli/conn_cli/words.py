"""Numbers with their noun, as people write them."""

__all__ = ["counted"]


def counted(number: int, noun: str) -> str:
    """`1 file`, `2 files`, `1,904 records`. The plural is the noun with an s."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
