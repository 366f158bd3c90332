"""Answers whose records are not a list of objects: what `response_path` makes of each, as an author would write it.

Every case is the shape of some real API; names and values are made up.
"""

from typing import Any

import pytest
from evaluating import usual

from conn_engine.conditions import Conditions
from conn_engine.expressions import evaluators
from conn_engine.runtime.records import map_records, records_of
from conn_engine.settings import Scope

CASES: dict[str, tuple[Any, str, list[Any]]] = {
    "an object keyed by date (Alpha Vantage, Mixpanel)": (
        {"Time Series": {"2026-01-02": {"open": "1"}, "2026-01-01": {"open": "2"}}},
        "$entries($.`Time Series`, 'date')",
        [{"open": "1", "date": "2026-01-02"}, {"open": "2", "date": "2026-01-01"}],
    ),
    "an object keyed by id, with one record (Pocket)": (
        {"list": {"7": {"title": "a"}}},
        "$entries(list, 'id')",
        [{"title": "a", "id": "7"}],
    ),
    "an object keyed by id that is empty": (
        {"list": {}},
        "$entries(list, 'id')",
        [],
    ),
    "the same without a function of ours": (
        {"list": {"7": {"title": "a"}}},
        "[$each(list, function($v, $k) { $merge([$v, {'id': $k}]) })]",
        [{"title": "a", "id": "7"}],
    ),
    "values keyed by date and by name (Mixpanel)": (
        {"data": {"values": {"signup": {"2026-01-01": 3, "2026-01-02": 4}, "login": {"2026-01-01": 9}}}},
        "$entries(data.values, 'event').($event := event; $entries($omit($, 'event'), 'day').{"
        "'event': $event, 'day': day, 'count': value})",
        [
            {"event": "signup", "day": "2026-01-01", "count": 3},
            {"event": "signup", "day": "2026-01-02", "count": 4},
            {"event": "login", "day": "2026-01-01", "count": 9},
        ],
    ),
    "parallel arrays (Amplitude)": (
        {"data": {"xValues": ["d1", "d2"], "series": [5, 6]}},
        "$zip(data.xValues, data.series).{'day': $[0], 'count': $[1]}",
        [{"day": "d1", "count": 5}, {"day": "d2", "count": 6}],
    ),
    "headers beside rows of cells (Sheets, Census)": (
        [["NAME", "POP"], ["Alabama", "5"], ["Alaska", "1"]],
        "$zipSqlResponse($[0], $filter($, function($row, $i) { $i > 0 }))",
        [{"NAME": "Alabama", "POP": "5"}, {"NAME": "Alaska", "POP": "1"}],
    ),
    "headers beside rows, with a function for it": (
        {"columns": [{"name": "id"}, {"name": "n"}], "rows": [[1, "A"], [2, "B"]]},
        "$zipSqlResponse(columns, rows, 'name')",
        [{"id": 1, "n": "A"}, {"id": 2, "n": "B"}],
    ),
    "dimensions and metrics beside each other (GA4, Search Console)": (
        {
            "dimensionHeaders": [{"name": "country"}],
            "metricHeaders": [{"name": "users"}],
            "rows": [{"dimensionValues": [{"value": "CH"}], "metricValues": [{"value": "3"}]}],
        },
        "($names := $append(dimensionHeaders.name, metricHeaders.name);"
        " [rows.($zipSqlResponse($names, [[$append(dimensionValues.value, metricValues.value)]]))])",
        [{"country": "CH", "users": "3"}],
    ),
    "a list of texts (Jira labels, Slack members, Google Ads accounts)": (
        {"values": ["bug", "feature"]},
        "values.{'name': $}",
        [{"name": "bug"}, {"name": "feature"}],
    ),
    "a list of one text": ({"values": ["bug"]}, "[values.{'name': $}]", [{"name": "bug"}]),
    "a list of texts as it is": ({"values": ["bug", "feature"]}, "values", ["bug", "feature"]),
    "two lists with a tag (Zendesk)": (
        {"tickets": [{"id": 1}], "deleted": [{"id": 2}]},
        "$append(tickets.$merge([$, {'deleted': false}]), deleted.$merge([$, {'deleted': true}]))",
        [{"id": 1, "deleted": False}, {"id": 2, "deleted": True}],
    ),
    "references into `included` (JSON:API, Klaviyo)": (
        {
            "data": [{"id": "e1", "relationships": {"profile": {"data": {"type": "profile", "id": "p1"}}}}],
            "included": [{"type": "profile", "id": "p1", "attributes": {"email": "a@b"}}],
        },
        "($all := included; [data.($ref := relationships.profile.data;"
        " $merge([$, {'profile': $all[type = $ref.type and id = $ref.id].attributes}]))])",
        [
            {
                "id": "e1",
                "relationships": {"profile": {"data": {"type": "profile", "id": "p1"}}},
                "profile": {"email": "a@b"},
            }
        ],
    ),
    "one object where a list was meant (Pinterest)": ({"items": {"id": 1}}, "items", [{"id": 1}]),
    "a list that is null (Pipedrive)": ({"data": None}, "data", []),
    "a list that is left out": ({"success": True}, "$exists(data) ? data : []", []),
    "nulls in a list": ({"data": [{"id": 1}, None]}, "data", [{"id": 1}]),
    "JSON in a text (Monday)": (
        {"data": '[{"id": 1}, {"id": 2}]'},
        "$jsonParse(data)",
        [{"id": 1}, {"id": 2}],
    ),
    "lists in lists": ({"pages": [{"items": [1, 2]}, {"items": [3]}]}, "pages.items", [1, 2, 3]),
    "a record that repeats": (
        {"data": [{"id": 1}, {"id": 2}, {"id": 1}]},
        "$distinct(data)",
        [{"id": 1}, {"id": 2}],
    ),
}

VALUES: dict[str, tuple[Any, str, Any]] = {
    "a moment in milliseconds in a text (Xero)": (
        {"at": "/Date(1439434356790+0000)/"},
        "$fromMillis($number($match(record.at, /-?[0-9]{9,}/).match))",
        "2015-08-13T02:52:36.790Z",
    ),
    "a date of zeros (PrestaShop)": (
        {"at": "0000-00-00 00:00:00"},
        "$substring(record.at, 0, 4) = '0000' ? null : record.at",
        None,
    ),
    "JSON in a field (Monday)": ({"value": '{"date": "2026-01-02"}'}, "$jsonParse(record.value).date", "2026-01-02"),
    "the id in front of a name": ({"id": 5, "name": None}, "$exists(record.name) ? $string(record.id)", "5"),
}


@pytest.mark.parametrize("evaluator", sorted(evaluators()))
@pytest.mark.parametrize("case", CASES)
def test_records(case: str, evaluator: str) -> None:
    body, path, expected = CASES[case]
    scope = Scope({}, Conditions(evaluator=evaluator))
    assert records_of(path, body, scope)[0] == expected


@pytest.mark.parametrize("case", VALUES)
def test_values(case: str) -> None:
    record, expression, expected = VALUES[case]
    assert map_records({"value": expression}, [record], usual()) == [[{"value": expected}]]
