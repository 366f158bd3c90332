"""Draw rows as columns that fit a terminal."""

from collections.abc import Sequence

from conn_cli.plain import measure_width, to_plain

__all__ = ["WIDTH", "draw_columns"]

WIDTH = 80
_GAP = "  "
_NARROWEST = 6
_MOST_PARTS = 4
"""The most characters of one column, such as a letter and its accents, on average."""


def draw_columns(rows: Sequence[Sequence[str]], width: int = WIDTH) -> list[str]:
    """Return one line for each row, at most `width` columns wide if there is room: the widest column is cut with an
    ellipsis, the last one at its start."""
    cells = [[_cut(to_plain(cell), width * _MOST_PARTS, at_start=cell is row[-1]) for cell in row] for row in rows]
    widths = [max(map(measure_width, column)) for column in zip(*cells, strict=True)]
    room = width - len(_GAP) * (len(widths) - 1)
    while sum(widths) > room and max(widths) > _NARROWEST:
        widest = widths.index(max(widths))
        others = max((size for index, size in enumerate(widths) if index != widest), default=0)
        widths[widest] = max(min(others, widths[widest] - 1), widths[widest] - (sum(widths) - room), _NARROWEST)
    last = len(widths) - 1
    return [
        _GAP.join(
            _fit(cell, size, at_start=index == last) for index, (cell, size) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in cells
    ]


def _fit(cell: str, width: int, *, at_start: bool) -> str:
    """Return a cell with exactly this width, without a part of it if it is wider."""
    if measure_width(cell) > width:
        while measure_width(cell) >= width:
            cell = cell[1:] if at_start else cell[:-1]
        cell = f"…{cell}" if at_start else f"{cell}…"
    return cell + " " * (width - measure_width(cell))


def _cut(cell: str, most: int, *, at_start: bool) -> str:
    """Return a part of a cell that is long enough for any column."""
    return cell[-most:] if at_start else cell[:most]
