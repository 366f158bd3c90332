"""Raw data to models: aliases, `{format, config}`, nulls, and the places of faults."""

import pytest

from conn_engine.config.convert import ConversionError, convert
from conn_engine.config.models import UnifiedResource
from conn_engine.config.plans import union_tags
from conn_engine.listing.pagination import Cursor, Offset, PageNumber, Pagination


def test_a_strategy_is_flattened_and_its_aliases_renamed() -> None:
    made = convert({"format": "cursor", "config": {"cursor_path": "a.b", "page_size": 5}}, Pagination)
    assert made == Cursor(cursor_field="a.b", size=5)
    assert convert({"format": "page"}, Pagination) == PageNumber()
    assert convert({"format": "page", "config": None}, Pagination) == PageNumber()
    assert convert({"format": "offset", "config": {"offset_param": None}}, Pagination) == Offset()


def test_further_keys_are_operations() -> None:
    made = convert({"record": "person", "list": {"each": "page"}}, UnifiedResource)
    assert (made.record, made.operations["list"].each) == ("person", "page")


@pytest.mark.parametrize(
    ("data", "reason", "place"),
    [
        (
            {"format": "cursor", "config": {"cursor_field": 3}},
            "Expected `str | null`, got `int`",
            ("config", "cursor_field"),
        ),
        ({"format": "nope"}, "Invalid value 'nope'", ("format",)),
        ({"format": "page", "config": {"x": 1}}, "Object contains unknown field `x`", ("config",)),
        ({"format": "page", "x": {}}, "Object contains unknown field `x`", ()),
        ({"config": {}}, "Object missing required field `format`", ()),
    ],
)
def test_faults_say_where(data: object, reason: str, place: tuple[str, ...]) -> None:
    with pytest.raises(ConversionError) as caught:
        convert(data, Pagination, at="pagination")
    assert (caught.value.reason, caught.value.place) == (reason, place)


def test_the_names_of_a_union() -> None:
    assert union_tags(Pagination) == [
        "cursor",
        "dynamic",
        "link_header",
        "nested",
        "next_url",
        "none",
        "offset",
        "page",
        "range",
    ]
