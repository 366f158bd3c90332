"""Draw rows as columns that fit a terminal."""

from collections.abc import Sequence

from conn_cli.fitting import USUAL_WIDTH, shorten_middle
from conn_cli.plain import measure_width, to_plain

__all__ = ["draw_columns", "fit_cells"]

_GAP = "  "
_NARROWEST = 6
_MOST_PARTS = 4
"""The most characters of one column, such as a letter and its accents, on average."""


def draw_columns(
    rows: Sequence[Sequence[str]], width: int = USUAL_WIDTH, *, cut_last_at_start: bool = False
) -> list[str]:
    """Return one line for each row, at most `width` columns wide: the widest columns are cut with an ellipsis, except
    the first one. If that is wider than half of the line, it has a line of its own, so that it can be copied. The end
    of the last column is more important than its start with `cut_last_at_start`."""
    last = len(rows[0]) - 1 if rows and cut_last_at_start else -1
    cells = [
        [
            to_plain(row[0]),
            *(_cut(to_plain(cell), width, at_start=index == last) for index, cell in enumerate(row[1:], 1)),
        ]
        for row in rows
    ]
    widths = [max(map(measure_width, column)) for column in zip(*cells, strict=True)]
    widths[:1] = [max((size for row in cells if (size := measure_width(row[0])) <= width // 2), default=0)]
    _share(widths, width)
    lines = []
    for row in cells:
        is_alone = measure_width(row[0]) > widths[0]
        lines += [row[0]] if is_alone else []
        parts = ("" if is_alone else row[0], *row[1:])
        fitting = (
            _fit(part, size, at_start=index == last)
            for index, (part, size) in enumerate(zip(parts, widths, strict=True))
        )
        lines.append(_GAP.join(fitting).rstrip())
    return lines


def fit_cells(rows: Sequence[Sequence[str]], width: int | None, *, cut_last_at_end: bool = False) -> list[list[str]]:
    """Return the cells padded to the widths of their columns. With `width`, the cells of a row and the gaps before them
    fit in it: the widest columns are shortened in their middle or, with `cut_last_at_end`, the last one at its end."""
    widths = [max(map(measure_width, column)) for column in zip(*rows, strict=True)]
    if width is not None:
        before = [0, *widths]  # the first column is not shortened
        _share(before, width)
        widths = before[1:]
    ends = len(widths) - cut_last_at_end

    def fit(cell: str, column: int) -> str:
        plain = to_plain(cell)
        short = shorten_middle(plain, widths[column]) if column < ends else plain
        return _fit(short, widths[column], at_start=False)

    return [[fit(cell, column) for column, cell in enumerate(row)] for row in rows]


def _share(widths: list[int], width: int) -> None:
    """Make the columns after the first one narrower, the widest first, until they fit."""
    room = width - len(_GAP) * (len(widths) - 1)
    while sum(widths) > room and max(widths[1:], default=0) > _NARROWEST:
        widths[widths.index(max(widths[1:]), 1)] -= 1


def _fit(cell: str, width: int, *, at_start: bool) -> str:
    """Return a cell with exactly this width, without a part of it if it is wider."""
    if measure_width(cell) > width:
        while measure_width(cell) >= width:
            cell = cell[1:] if at_start else cell[:-1]
        cell = f"…{cell}" if at_start else f"{cell}…"
    return cell + " " * (width - measure_width(cell))


def _cut(cell: str, width: int, *, at_start: bool) -> str:
    """Return a part of a cell that is long enough for any column."""
    most = width * _MOST_PARTS
    return cell[-most:] if at_start else cell[:most]
