"""Columns fit a width, whatever the cells have."""

import pytest

from conn_cli.plain import measure_width
from conn_cli.report.columns import draw_columns


def test_the_widest_columns_are_cut_and_the_first_is_not() -> None:
    assert draw_columns([("a", "1" * 30, "x.yaml:1"), ("long", "2", "folder/x.yaml:10")], 40) == [
        "a     111111111111111…  x.yaml:1",
        "long  2                 folder/x.yaml:10",
    ]
    assert draw_columns([("name", "v", "folder/" * 9 + "x.yaml:1")], 30) == ["name  v  folder/folder/folder…"]
    rows = [("name", "v", "folder/" * 9 + "x.yaml:1")]
    assert draw_columns(rows, 30, cut_last_at_start=True) == ["name  v  …lder/folder/x.yaml:1"]


def test_a_first_column_of_more_than_half_a_line_has_a_line_of_its_own() -> None:
    assert draw_columns([("name", "value"), ("a" * 16, "b")], 30) == ["name  value", "a" * 16, "      b"]


@pytest.mark.parametrize("cell", ["日本語" * 40, "e\u0301" * 90, "a\nb\tc" * 30, "x" * 2_000_000])
def test_no_other_column_makes_a_line_wider(cell: str) -> None:
    for line in draw_columns([("a", cell, cell), ("b", "c", "d")], 60):
        assert measure_width(line) <= 60
        assert "\n" not in line
