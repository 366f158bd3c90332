"""The table of results as text and as Markdown."""

from collections.abc import Sequence

from benchmarks.measure import Row

__all__ = ["as_markdown", "as_text"]

HEAD = ("benchmark", "measured", "against", "ratio", "min … max", "goal", "", "figures of this run")


def _cells(row: Row) -> tuple[str, ...]:
    goal = "" if row.goal is None else f"≤ {row.goal:g}"
    met = {None: "", True: "met", False: "MISSED"}[row.met]
    spread = f"{row.ratio.least:.2f} … {row.ratio.greatest:.2f}"
    return (row.benchmark, row.measured, row.against, f"{row.ratio.median:.2f}", spread, goal, met, row.detail)


def as_text(rows: Sequence[Row]) -> str:
    """Columns in line, for a terminal."""
    cells = [HEAD, *(_cells(row) for row in rows)]
    widths = [max(len(line[at]) for line in cells) for at in range(len(HEAD))]
    lines = ["  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip() for line in cells]
    return "\n".join([lines[0], "─" * max(map(len, lines)), *lines[1:]])


def as_markdown(rows: Sequence[Row]) -> str:
    """A Markdown table."""
    lines = [HEAD, ("---",) * len(HEAD), *(_cells(row) for row in rows)]
    return "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in line)} |" for line in lines)
