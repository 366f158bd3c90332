"""Records are prepared before they are delivered: record_mapping, distinct, enrich; chunks of a list."""

from typing import Any

import pytest

from conn_engine.errors import ConfigurationError, ExpressionError, VendorError
from conn_engine.listing.known_records import MOST_KNOWN
from conn_engine.runtime.call import Call


def listing(path: str, **more: Any) -> dict[str, Any]:
    return {"list": {"method": "get", "path": path, "response_path": "items", **more}}


ROWS = [{"id": 1, "owner": "u1", "tags": ["x", "y"]}, {"id": 2, "owner": None, "tags": []}]


def rows(got: Any) -> Any:
    return {"items": ROWS}


# --- record_mapping ---


@pytest.mark.parametrize(
    ("mapping", "expected"),
    [
        ({"key": "record.id", "by": "record.owner"}, [{"key": 1, "by": "u1"}, {"key": 2, "by": None}]),
        ("$merge([record, {'region': context.region}])", [{**row, "region": "eu"} for row in ROWS]),
        ("$sift(record, function($v, $k) { $k != 'tags' })", [{"id": 1, "owner": "u1"}, {"id": 2, "owner": None}]),
        ("$map(record.tags, function($t) { {'row': record.id, 'tag': $t} })",
         [{"row": 1, "tag": "x"}, {"row": 1, "tag": "y"}]),
        ("record.owner ? record : null", [ROWS[0]]),
        ({"status": "status", "kind": "headers.`content-type`"}, [{"status": 200, "kind": "application/json"}] * 2),
    ],
)  # fmt: skip
def test_record_mapping_makes_the_delivered_records(shop: Any, mapping: Any, expected: list[Any]) -> None:
    acme = shop({"rows": listing("/rows", record_mapping=mapping)}, rows, region="eu")
    assert acme.records("rows.list") == expected


def test_a_failing_record_mapping_is_reported_with_its_path(shop: Any) -> None:
    acme = shop({"rows": listing("/rows", record_mapping={"n": "$number(record.owner)"})}, rows)
    with pytest.raises(ExpressionError) as caught:
        acme.records("rows.list")
    assert caught.value.at == "resources.rows.list.record_mapping.n"


# --- distinct ---


def members(got: Any) -> Any:
    """Teams that share people, two people a page."""
    teams = {"a": [1, 2, 2, 3], "b": [3, 4], "c": [1, 4]}
    if got.path == "/teams":
        return {"items": [{"id": team} for team in teams]}
    team, at = teams[got.path.split("/")[2]], int(got.query.get("after", 0))
    found = [{"id": person, "team": got.path.split("/")[2]} for person in team[at : at + 2]]
    return {"items": found, **({"next": str(at + 2)} if at + 2 < len(team) else {})}


def teams_and_members(**more: Any) -> dict[str, Any]:
    parents = {"as": "team", "from": "teams.list"}
    return {"teams": listing("/teams"), "people": listing("/teams/{{team}}/people", parents=parents, **more)}


def test_a_record_comes_once_over_pages_and_parents(shop: Any) -> None:
    acme = shop(teams_and_members(distinct="record.id"), members)
    assert acme.records("people.list") == [
        {"id": n, "team": team} for n, team in ((1, "a"), (2, "a"), (3, "a"), (4, "b"))
    ]
    assert [record["id"] for record in acme.records("people.list")] == [1, 2, 3, 4], "another run starts again"


def test_what_is_told_apart_is_what_is_delivered_and_all_of_it_where_there_is_no_key(shop: Any) -> None:
    acme = shop(teams_and_members(distinct="record.none"), members)
    assert [record["id"] for record in acme.records("people.list")] == [1, 2, 3, 3, 4, 1, 4]
    mapped = teams_and_members(distinct="record", record_mapping={"odd": "record.id % 2 = 1"})
    assert shop(mapped, members).records("people.list") == [{"odd": True}, {"odd": False}]


def test_what_is_left_out_is_not_completed(shop: Any) -> None:
    enrich = [{"name": "team", "request": {"path": "/teams"}, "response_path": "$count(items)"}]
    acme = shop(teams_and_members(distinct="record.id", enrich=enrich), members)
    assert acme.records("people.list") == [{"id": n, "team": 3} for n in (1, 2, 3, 4)]
    assert acme.got.count("/teams") == 1 + 4


def test_a_listing_that_resumes_from_a_cursor_knows_what_came_before(shop: Any) -> None:
    acme = shop(teams_and_members(distinct="record.id"), members)
    second = list(acme.pages("people.list"))[1].next_cursor
    assert [record["id"] for record in acme.records("people.list", Call(cursor=second))] == [4]


def test_parents_that_are_distinct_are_read_again_from_their_cursor(shop: Any) -> None:
    notes = listing("/notes/{{person}}", parents={"as": "person", "from": "people.list"})
    resources = {**teams_and_members(distinct="record.id"), "notes": notes}
    acme = shop(resources, lambda got: {"items": [{"on": got.path}]} if "notes" in got.path else members(got))
    *pages, end = acme.pages("notes.list")
    assert [page.records[0]["on"][-1] for page in pages] == ["1", "2", "3", "4"]
    assert end.records == []
    for number, page in enumerate(pages, 1):
        rest = acme.records("notes.list", Call(cursor=page.next_cursor))
        assert [record["on"][-1] for record in rest] == ["1", "2", "3", "4"][number:]


def test_a_note_reports_that_a_cursor_could_not_have_all_distinct_records(shop: Any) -> None:
    def rows(got: Any) -> Any:
        at = int(got.query.get("after", 0))
        items = [{"id": n} for n in range(at, at + MOST_KNOWN // 2 + 1)]
        return {"items": [{"id": 0}, *items], **({"next": str(at + len(items))} if at < MOST_KNOWN else {})}

    acme = shop({"rows": listing("/rows", distinct="record.id")}, rows)
    one, two, last = acme.pages("rows.list")
    (rest,) = acme.pages("rows.list", Call(cursor=two.next_cursor))
    assert ([record["id"] for record in rest.records[:1]], last.notes) == ([0], ())
    assert "may repeat" in rest.notes[0]
    exact, *_ = acme.pages("rows.list", Call(cursor=one.next_cursor))
    assert (exact.records, exact.notes) == (two.records, ())


def test_a_failing_key_is_reported_with_its_path(shop: Any) -> None:
    with pytest.raises(ExpressionError) as caught:
        shop({"rows": listing("/rows", distinct="$number(record.owner)")}, rows).records("rows.list")
    assert caught.value.at == "resources.rows.list.distinct"


def test_a_unified_operation_maps_what_is_delivered_and_sees_the_partition(shop: Any) -> None:
    resources = {
        "shops": listing("/shops"),
        "people": listing(
            "/shops/{{shop}}/people",
            parents={"as": "shop", "from": "shops.list"},
            record_mapping={"id": "record.ID"},
        ),
    }
    unified = {
        "resources": {
            "contacts": {
                "list": {
                    "resource": "people",
                    "response_mapping": {
                        "id": "partition.shop & '/' & response.id",
                        "first_name": "parent.shop.name",
                    },
                }
            }
        }
    }

    def answer(got: Any) -> Any:
        named = [{"id": "s1", "name": "One"}, {"id": "s2", "name": "Two"}]
        return {"items": named if got.path == "/shops" else [{"ID": "p"}]}

    acme = shop(resources, answer, unified=unified)
    pages = list(acme.pages("contacts.list"))
    assert [record for page in pages for record in page.records] == [
        {"id": "s1/p", "first_name": "One"},
        {"id": "s2/p", "first_name": "Two"},
    ]
    assert [page.partition for page in pages] == [{"shop": "s1"}, {"shop": "s2"}]


def test_an_error_mapping_sees_the_partition(shop: Any) -> None:
    resources = {"people": listing("/{{shop}}", parents={"as": "shop", "values": ["s1"]})}
    mapping = {"message": "'shop ' & partition.shop & ' is closed'"}
    unified = {
        "resources": {
            "contacts": {
                "list": {"resource": "people", "response_mapping": {"id": "response.id"}, "error_mapping": mapping}
            }
        }
    }
    with pytest.raises(VendorError, match="shop s1 is closed"):
        shop(resources, lambda got: (403, {}), unified=unified).records("contacts.list")


# --- enrich ---


def people(got: Any) -> Any:
    if got.path == "/rows":
        return {"items": ROWS}
    if got.path == "/users/u1":
        return {"id": "u1", "name": "Ann"}
    if got.path == "/stats":
        return {"data": [{"row": int(key), "n": 10 * int(key)} for key in got.query["ids"].split(",") if key != "2"]}
    return 404, {}


def test_a_request_per_record_by_an_operation_of_its_own(shop: Any) -> None:
    resources = {
        "users": {"get": {"method": "get", "path": "/users/{{id}}"}},
        "rows": listing(
            "/rows",
            enrich=[
                {
                    "name": "who",
                    "when": "record.owner",
                    "request": {"resource": "users", "method": "get", "id": "{{record.owner}}"},
                }
            ],
        ),
    }
    acme = shop(resources, people)
    assert acme.records("rows.list") == [ROWS[0] | {"who": {"id": "u1", "name": "Ann"}}, ROWS[1]]
    assert acme.got == ["/rows", "/users/u1"]


def test_transforms_replace_the_record_one_after_the_other(shop: Any) -> None:
    enrich = [
        {"name": "who", "when": "record.owner", "request": {"path": "/users/{{record.owner}}"},
         "transform": "$merge([record, {'owner': response.name}])"},
        {"name": "shout", "when": "record.owner", "request": {"path": "/users/u1"},
         "transform": "$merge([record, {'owner': $uppercase(record.owner)}])"},
    ]  # fmt: skip
    acme = shop({"rows": listing("/rows", enrich=enrich)}, people)
    assert [record["owner"] for record in acme.records("rows.list")] == ["ANN", None]


def test_a_request_per_batch_and_rows_are_matched_by_key(shop: Any) -> None:
    enrich = [
        {"name": "stats", "into": "n", "batch": 2, "match": "row", "response_path": "data",
         "request": {"path": "/stats", "query": {"ids": "{{$join(keys.$string(), ',')}}"}}}
    ]  # fmt: skip
    acme = shop({"rows": listing("/rows", enrich=enrich)}, people)
    assert [record["n"] for record in acme.records("rows.list")] == [{"row": 1, "n": 10}, None]
    assert acme.got == ["/rows", "/stats?ids=1,2"]


def test_an_object_of_a_batch_is_looked_up_by_key(shop: Any) -> None:
    enrich = [{"name": "n", "batch": 1, "request": {"path": "/counts"}}]
    acme = shop(
        {"rows": listing("/rows", enrich=enrich)},
        lambda got: {"items": ROWS} if got.path == "/rows" else {"1": 7, "2": 8},
    )
    assert [record["n"] for record in acme.records("rows.list")] == [7, 8]
    assert acme.got == ["/rows", "/counts", "/counts"]


def test_no_record_needs_no_request(shop: Any) -> None:
    enrich = [{"name": "n", "batch": 10, "request": {"path": "/counts"}}]
    acme = shop({"rows": listing("/rows", enrich=enrich)}, lambda got: {"items": []})
    assert acme.records("rows.list") == []
    assert acme.got == ["/rows"]


def test_a_skipped_enrichment_is_null(shop: Any) -> None:
    resources = {
        "users": {
            "get": {"method": "get", "path": "/gone/{{id}}", "errors": [{"when": "status = 404", "then": "skip"}]}
        },
        "rows": listing(
            "/rows", enrich=[{"name": "who", "request": {"resource": "users", "method": "get", "id": "{{record.id}}"}}]
        ),
    }
    assert [record["who"] for record in shop(resources, people).records("rows.list")] == [None, None]


def test_an_enrichment_of_a_text_is_an_error_with_a_fix(shop: Any) -> None:
    acme = shop(
        {"rows": listing("/rows", enrich=[{"name": "n", "request": {"path": "/x"}}])}, lambda got: {"items": ["a"]}
    )
    with pytest.raises(ConfigurationError, match="not an object"):
        acme.records("rows.list")


# --- chunk ---


def fields(got: Any) -> Any:
    """Two rows over two pages, with the properties that are asked for."""
    if got.path == "/properties":
        return {"items": [{"name": f"p{n}"} for n in range(5)]}
    at = 2 if got.query.get("after") else 1
    asked = [name for name in got.query.get("fields", "").split(",") if name]
    page = {"items": [{"id": at, "properties": {name: f"{name}-{at}" for name in asked}}]}
    return page | ({"next": "n"} if at == 1 else {})


@pytest.mark.parametrize(
    "values", [["p0", "p1", "p2", "p3", "p4"], "context.fields", {"from": "props.list", "key": "name"}]
)
@pytest.mark.parametrize("bound", [{"size": 2}, {"max_length": 5}])
def test_a_long_list_goes_over_several_requests_and_the_records_are_merged(
    shop: Any, values: Any, bound: dict[str, int]
) -> None:
    chunk = {"values": values, "param": "fields", **bound}
    resources = {
        "props": listing("/properties"),
        "rows": listing("/rows", query_format={"arrays": "comma"}, chunk=chunk),
    }
    acme = shop(resources, fields, fields=[f"p{n}" for n in range(5)])

    assert acme.records("rows.list") == [
        {"id": at, "properties": {f"p{n}": f"p{n}-{at}" for n in range(5)}} for at in (1, 2)
    ]
    assert [path for path in acme.got if path != "/properties"] == [
        "/rows?fields=p0,p1", "/rows?fields=p2,p3", "/rows?fields=p4",
        "/rows?fields=p0,p1&after=n", "/rows?fields=p2,p3&after=n", "/rows?fields=p4&after=n",
    ]  # fmt: skip
    assert acme.got.count("/properties") <= 1


def test_the_list_may_depend_on_the_partition(shop: Any) -> None:
    resources = {
        "props": listing("/{{kind}}/properties"),
        "rows": listing(
            "/{{kind}}",
            parents={"as": "kind", "values": ["deals", "tickets"]},
            query={"f": "{{$join(chunk, '+')}}"},
            chunk={"values": {"from": "props.list", "key": "name", "params": {"kind": "{{kind}}"}}, "size": 9},
        ),
    }

    def answer(got: Any) -> Any:
        kind = got.path.split("/")[1]
        return {"items": [{"name": f"{kind}1"}, {"name": f"{kind}2"}]} if got.path.endswith("ies") else {"items": []}

    acme = shop(resources, answer)
    acme.records("rows.list")
    assert acme.got == [
        "/deals/properties", "/deals?f=deals1+deals2", "/tickets/properties", "/tickets?f=tickets1+tickets2",
    ]  # fmt: skip


def test_records_without_a_key_cannot_be_merged(shop: Any) -> None:
    chunk = {"values": ["a", "b"], "size": 1, "param": "f"}
    acme = shop({"rows": listing("/rows", chunk=chunk)}, lambda got: {"items": [{"x": 1}]})
    with pytest.raises(ConfigurationError, match="cannot be merged"):
        acme.records("rows.list")


def test_one_thing_is_merged_without_a_key(shop: Any) -> None:
    chunk = {"values": ["a", "b"], "size": 1, "param": "f"}
    resources = {"rows": {"get": {"method": "get", "path": "/rows/7", "chunk": chunk}}}
    acme = shop(resources, lambda got: {got.query["f"]: got.query["f"]})
    (page,) = acme.pages("rows.get")
    assert (page.records, page.whole) == ([{"a": "a", "b": "b"}], True)


# --- response_path ---


def test_response_path_may_read_the_context_and_the_partition(shop: Any) -> None:
    path = "$lookup($, 'Series (' & $context.interval & ', ' & $partition.symbol & ')')"
    operation = {"method": "get", "path": "/q", "response_path": path, "pagination": {"format": "none"}}
    operation["parents"] = {"as": "symbol", "values": ["A", "B"], "param": "s"}
    acme = shop(
        {"rows": {"list": operation}},
        lambda got: {f"Series (5min, {got.query['s']})": [{"v": got.query["s"]}]},
        interval="5min",
    )
    assert acme.records("rows.list") == [{"v": "A"}, {"v": "B"}]
