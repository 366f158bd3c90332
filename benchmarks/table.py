"""Tables of results as text and as Markdown."""

from collections.abc import Iterable, Sequence

from benchmarks.measure import Counts, Row

__all__ = ["Table", "as_markdown", "as_text", "count_table", "ratio_table"]

Table = list[tuple[str, ...]]
"""The cells of each line; the first line is the head."""

HEAD = ("benchmark", "measured", "against", "ratio", "min … max", "goal", "", "figures of this run")


def ratio_table(rows: Iterable[Row]) -> Table:
    """A line for each ratio."""
    return [HEAD, *map(_cells, rows)]


def count_table(rows: Sequence[Counts]) -> Table:
    """A line for each thing counted, a column for each side."""
    return [("", *rows[0].values), *((row.counted, *row.values.values()) for row in rows)]


def _cells(row: Row) -> tuple[str, ...]:
    goal = "" if row.goal is None else f"≤ {row.goal:g}"
    met = {None: "", True: "met", False: "MISSED"}[row.met]
    spread = f"{row.ratio.least:.2f} … {row.ratio.greatest:.2f}"
    return (row.benchmark, row.measured, row.against, f"{row.ratio.median:.2f}", spread, goal, met, row.detail)


def as_text(table: Table) -> str:
    """Columns in line, for a terminal."""
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    lines = ["  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip() for line in table]
    return "\n".join([lines[0], "─" * max(map(len, lines)), *lines[1:]])


def as_markdown(table: Table) -> str:
    """A Markdown table."""
    lines = [table[0], ("---",) * len(table[0]), *table[1:]]
    return "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in line)} |" for line in lines)
