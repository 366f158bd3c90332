"""Columns fit a width, whatever the cells have."""

import pytest

from conn_cli.plain import measure_width
from conn_cli.report.columns import draw_columns


def test_columns_are_aligned_and_the_widest_is_cut() -> None:
    assert draw_columns([("a", "1" * 30, "x.yaml:1"), ("long", "2", "folder/x.yaml:10")], 40) == [
        "a     111111111111111…  x.yaml:1",
        "long  2                 folder/x.yaml:10",
    ]
    assert draw_columns([("name", "v", "folder/" * 9 + "x.yaml:1")], 30) == ["name  v  …lder/folder/x.yaml:1"]


@pytest.mark.parametrize("cell", ["日本語" * 40, "e\u0301" * 90, "a\nb\tc" * 30, "x" * 2_000_000])
def test_no_line_is_wider(cell: str) -> None:
    for line in draw_columns([(cell, cell, cell), ("a", "b", "c")], 60):
        assert measure_width(line) <= 60
        assert "\n" not in line
