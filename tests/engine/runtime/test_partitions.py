"""Operations over parents, against a real server: what is asked, in which order, and what each page belongs to."""

from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest

from conn_engine.errors import ConfigurationError, TransportError, UsageError, VendorError
from conn_engine.runtime.call import Call
from conn_engine.wire import Completeness

BOARDS = {"": {"items": [{"id": 1, "open": True}, {"id": 2, "open": False}], "next": "b"},
          "b": {"items": [{"id": 3, "open": True}, {"id": 1, "open": True}]}}  # fmt: skip


def listing(path: str, **more: Any) -> dict[str, Any]:
    return {"list": {"method": "get", "path": path, "response_path": "items", **more}}


def boards(got: Any) -> Any:
    """Boards over two pages; two issues a board, one a page."""
    if got.path == "/boards":
        return BOARDS[got.query.get("after", "")]
    board = got.path.split("/")[2]
    if got.query.get("after"):
        return {"items": [{"id": f"{board}-2"}]}
    return {"items": [{"id": f"{board}-1"}], "next": "n"}


ISSUES = {
    "boards": listing("/boards"),
    "issues": listing("/boards/{{board}}/issues", parents={"as": "board", "from": "boards.list"}),
}


def test_parents_stream_and_are_asked_for_once(shop: Any) -> None:
    acme = shop(ISSUES, boards)

    *pages, end = acme.pages("issues.list")

    assert [record["id"] for page in pages for record in page.records] == ["1-1", "1-2", "2-1", "2-2", "3-1", "3-2"]
    assert acme.got == [
        "/boards",
        "/boards/1/issues", "/boards/1/issues?after=n", "/boards/2/issues", "/boards/2/issues?after=n",
        "/boards?after=b",
        "/boards/3/issues", "/boards/3/issues?after=n",
    ]  # fmt: skip
    assert [page.partition for page in pages] == [{"board": n} for n in (1, 1, 2, 2, 3, 3)]
    assert [page.number for page in pages] == [1, 2, 3, 4, 5, 6]
    assert not any(page.whole for page in pages)
    assert (end.records, end.number, end.next_cursor) == ([], 7, None), "the last board had come before"
    assert [page.completeness for page in (*pages, end)] == [None] * 6 + [Completeness("complete")]


def forbidden(*boards: str) -> Callable[[Any], Any]:
    def answer(got: Any) -> Any:
        board = got.path.split("/")[2]
        return (403, {"message": "no"}) if board in boards else {"items": [{"id": f"{board}-1"}]}

    return answer


def refused(*boards: str, **more: Any) -> tuple[dict[str, Any], Any]:
    parents = {"as": "board", "values": ["1", "2", "3", "4"]}
    return {"issues": listing("/boards/{{board}}/issues", parents=parents, **more)}, forbidden(*boards)


def test_a_part_that_is_refused_ends_the_run(shop: Any) -> None:
    acme = shop(*refused("2"))
    got: list[Any] = []
    with pytest.raises(VendorError) as raised:
        got.extend(page.records for page in acme.pages("issues.list"))
    assert raised.value.partition == {"board": "2"}
    assert acme.got == ["/boards/1/issues", "/boards/2/issues"]


@pytest.mark.parametrize(("boards", "told"), [(("2",), "no"), (("2", "4"), r"so did 1 other part\)")])
def test_the_other_parts_may_be_read_before_the_run_ends_with_the_error(
    shop: Any, boards: tuple[str, ...], told: str
) -> None:
    acme = shop(*refused(*boards, part_failure="continue"))
    found: list[Any] = []
    with pytest.raises(VendorError, match=told) as raised:
        for page in acme.pages("issues.list"):
            found += page.records
    assert (raised.value.kind, raised.value.partition) == ("forbidden", {"board": "2"})
    assert [record["id"] for record in found] == [f"{n}-1" for n in "1234" if n not in boards]
    assert len(acme.got) == 4


def test_where_no_answer_comes_the_other_parts_are_not_asked_for(shop: Any) -> None:
    def answer(got: Any) -> Any:
        raise ConnectionAbortedError

    acme = shop(refused(part_failure="continue")[0], answer)
    with pytest.raises(TransportError):
        acme.records("issues.list")
    assert set(acme.got) <= {"/boards/1/issues"}


def test_the_first_child_is_delivered_before_the_second_page_of_parents(shop: Any) -> None:
    acme = shop(ISSUES, boards)
    with closing(acme.pages("issues.list")) as pages:
        assert next(pages).records == [{"id": "1-1"}]
        assert acme.got == ["/boards", "/boards/1/issues"]


def test_a_listing_goes_on_page_by_page_through_its_cursors(shop: Any) -> None:
    acme = shop(ISSUES, boards)
    whole = acme.records("issues.list")

    found, cursor = [], None
    for _ in range(20):
        with closing(acme.pages("issues.list", Call(cursor=cursor))) as pages:
            page = next(pages)
        found += page.records
        cursor = page.next_cursor
        if cursor is None:
            break

    assert [record["id"] for record in found[: len(whole)]] == [record["id"] for record in whole]
    # A resumed listing has forgotten that board 1 came before: at most such a duplicate comes again.
    assert [record["id"] for record in found[len(whole) :]] == ["1-1", "1-2"]


def test_the_page_before_is_known_within_a_partition_only(shop: Any) -> None:
    acme = shop(ISSUES, boards)
    assert all(page.prev_cursor is None for page in acme.pages("issues.list"))


def test_a_resumed_listing_finds_its_parent_again_although_the_page_has_changed(shop: Any) -> None:
    order = [{"id": 1}, {"id": 2}, {"id": 3}]

    def answer(got: Any) -> Any:
        return {"items": list(order)} if got.path == "/boards" else {"items": [{"id": got.path.split("/")[2]}]}

    acme = shop(ISSUES, answer)
    first = next(acme.pages("issues.list"))
    order.insert(0, {"id": 0})

    rest = acme.records("issues.list", Call(cursor=first.next_cursor))

    assert [record["id"] for record in rest] == ["2", "3"]


@pytest.mark.parametrize("state", ["x", [1], {"place": {"partition": {"at": 1}}}, {"place": {"partition": [3]}},
                                   {"place": {"partition": [{"at": "one"}]}}])  # fmt: skip
def test_a_cursor_of_another_operation_is_refused(shop: Any, state: Any) -> None:
    from conn_engine.runtime.call import encode_cursor

    acme = shop(ISSUES, boards)
    if isinstance(state, dict):
        with pytest.raises(UsageError, match="does not belong"):
            acme.records("issues.list", Call(cursor=encode_cursor(state)))
    else:  # the bare state of a page begins at the first parent, and the page's own strategy refuses it
        with pytest.raises(UsageError):
            acme.records("issues.list", Call(cursor=encode_cursor(state)))


def test_a_given_value_replaces_the_parents(shop: Any) -> None:
    acme = shop(ISSUES, boards)
    assert [r["id"] for r in acme.records("issues.list", Call(params={"board": "2"}))] == ["2-1", "2-2"]
    assert acme.got == ["/boards/2/issues", "/boards/2/issues?after=n"]


def test_several_given_values_are_asked_for_in_their_order_once(shop: Any) -> None:
    acme = shop(ISSUES, boards)
    acme.records("issues.list", Call(params={"board": ["3", "2", "3"]}))
    assert [path for path in acme.got if "after" not in path] == ["/boards/3/issues", "/boards/2/issues"]


def test_ids_given_or_else_every_parent(shop: Any) -> None:
    def answer(got: Any) -> Any:
        return {"items": [{"id": got.query["user"]}]} if got.path == "/u" else {"items": [{"id": "all"}]}

    resources = {
        "users": listing("/users"),
        "posts": listing(
            "/u", parents={"as": "user", "values": "context.users", "from": "users.list", "param": "user"}
        ),
    }
    chosen = shop(resources, answer, users=["a", "b"])
    assert [r["id"] for r in chosen.records("posts.list")] == ["a", "b"]
    assert [r["id"] for r in shop(resources, answer, users=[]).records("posts.list")] == ["all"]
    assert [r["id"] for r in shop(resources, answer).records("posts.list")] == ["all"]


def test_an_operation_of_one_thing_keeps_it_for_a_given_id_and_becomes_a_list_for_all(shop: Any) -> None:
    resources = {
        "users": {
            **listing("/users"),
            "details": {"method": "get", "path": "/users/{{id}}", "parents": {"as": "id", "from": "users.list"}},
        }
    }
    acme = shop(resources, lambda got: {"items": [{"id": 1}, {"id": 2}]} if got.path == "/users" else {"at": got.path})

    one = list(acme.pages("users.details", Call(id="7")))
    every = list(acme.pages("users.details"))

    assert [(page.records, page.whole) for page in one] == [([{"at": "/users/7"}], True)]
    assert [(page.records, page.whole) for page in every] == [
        ([{"at": "/users/1"}], False),
        ([{"at": "/users/2"}], False),
    ]


def test_several_levels_bring_all_their_names_and_records(shop: Any) -> None:
    def answer(got: Any) -> Any:
        if got.path == "/orgs":
            return {"items": [{"id": "o1", "name": "One"}, {"id": "o2", "name": "Two"}]}
        if got.path.endswith("/teams"):
            return {"items": [{"slug": f"{got.path.split('/')[2]}-t", "size": 3}]}
        return {"items": [{"login": "ann"}]}

    resources = {
        "orgs": listing("/orgs"),
        "teams": listing("/orgs/{{org}}/teams", parents={"as": "org", "from": "orgs.list"}),
        "members": listing(
            "/orgs/{{org}}/teams/{{team}}/members",
            parents={"as": "team", "from": "teams.list", "key": "slug"},
            record_mapping={"login": "record.login", "org": "parent.org.name", "size": "parent.team.size",
                            "at": "partition"},
        ),
    }  # fmt: skip
    acme = shop(resources, answer)

    assert acme.records("members.list") == [
        {"login": "ann", "org": "One", "size": 3, "at": {"org": "o1", "team": "o1-t"}},
        {"login": "ann", "org": "Two", "size": 3, "at": {"org": "o2", "team": "o2-t"}},
    ]
    assert acme.got == [
        "/orgs", "/orgs/o1/teams", "/orgs/o1/teams/o1-t/members", "/orgs/o2/teams", "/orgs/o2/teams/o2-t/members",
    ]  # fmt: skip


def test_a_value_given_for_an_upper_level_narrows_the_level_above(shop: Any) -> None:
    resources = {
        "orgs": listing("/orgs"),
        "teams": listing("/orgs/{{org}}/teams", parents={"as": "org", "from": "orgs.list"}),
        "members": listing("/orgs/{{org}}/teams/{{team}}", parents={"as": "team", "from": "teams.list"}),
    }
    acme = shop(resources, lambda got: {"items": [{"id": "t"}]})
    acme.records("members.list", Call(params={"org": "o9"}))
    assert acme.got == ["/orgs/o9/teams", "/orgs/o9/teams/t"]


def test_keys_may_be_nested_lists_and_parents_may_be_filtered(shop: Any) -> None:
    parents = {"items": [
        {"name": "a", "keep": True, "lists": [{"id": "x/1"}, {"id": "y"}]},
        {"name": "b", "keep": False, "lists": [{"id": "z"}]},
        {"name": "c", "keep": True, "lists": []},
    ]}  # fmt: skip
    resources = {
        "folders": listing("/folders"),
        "tasks": listing(
            "/lists/{{list}}",
            parents={"as": "list", "from": "folders.list", "key": "lists.id", "when": "record.keep"},
            record_mapping="{'id': record.id, 'folder': parent.list.name}",
        ),
    }
    acme = shop(resources, lambda got: parents if got.path == "/folders" else {"items": [{"id": got.path}]})

    assert acme.records("tasks.list") == [{"id": "/lists/x%2F1", "folder": "a"}, {"id": "/lists/y", "folder": "a"}]


def test_parents_that_are_no_objects_are_their_own_keys(shop: Any) -> None:
    resources = {
        "labels": listing("/labels"),
        "uses": listing("/uses", parents={"as": "label", "from": "labels.list", "param": "label"}),
    }
    acme = shop(resources, lambda got: {"items": ["red", "blue"]} if got.path == "/labels" else {"items": []})
    acme.records("uses.list")
    assert acme.got == ["/labels", "/uses?label=red", "/uses?label=blue"]


def test_a_parent_without_the_key_is_an_error_that_names_what_there_is(shop: Any) -> None:
    acme = shop(ISSUES, lambda got: {"items": [{"ID": 1, "name": "x"}]})
    with pytest.raises(ConfigurationError, match=r'boards\.list has no "id"') as caught:
        acme.records("issues.list")
    assert "ID" in caught.value.hint


def test_a_product_asks_for_every_combination_and_lists_each_side_once(shop: Any) -> None:
    def answer(got: Any) -> Any:
        if got.path == "/cities":
            return {"items": [{"id": "oslo"}, {"id": "rome"}]}
        return {"items": [{"id": got.decoded}]}

    resources = {
        "cities": listing("/cities"),
        "weather": listing(
            "/weather",
            parents=[
                {"as": "unit", "values": ["c", "f"], "param": "unit"},
                {"as": "city", "from": "cities.list", "param": "city"},
            ],
        ),
    }
    acme = shop(resources, answer)

    assert [r["id"] for r in acme.records("weather.list")] == [
        "/weather?unit=c&city=oslo", "/weather?unit=c&city=rome", "/weather?unit=f&city=oslo",
        "/weather?unit=f&city=rome",
    ]  # fmt: skip
    assert acme.got.count("/cities") == 1


def test_an_own_name_of_a_product_goes_before_one_that_the_parents_have(shop: Any) -> None:
    def answer(got: Any) -> Any:
        if got.path == "/boards":
            return {"items": [{"id": 1}, {"id": 2}]}
        return {"items": [{"id": "i" + got.path.split("/")[2]}]}

    both = [{"as": "board", "from": "boards.list"}, {"as": "issue", "from": "issues.list"}]
    path = "/boards/{{board}}/votes/{{issue}}"
    acme = shop({**ISSUES, "votes": listing(path, parents=both)}, answer)

    acme.records("votes.list")

    votes = [place for place in acme.got if "votes" in place]
    assert votes == [f"/boards/{board}/votes/i{issue}" for board in (1, 2) for issue in (1, 2)]


def test_a_later_source_that_reads_an_earlier_name_is_asked_for_each(shop: Any) -> None:
    def answer(got: Any) -> Any:
        return (
            {"items": [{"id": f"{got.query['in']}-1"}]} if got.path == "/cities" else {"items": [{"id": got.decoded}]}
        )

    resources = {
        "cities": listing("/cities"),
        "weather": listing(
            "/weather/{{city}}",
            parents=[
                {"as": "country", "values": ["no", "it"]},
                {"as": "city", "from": "cities.list", "query": {"in": "{{country}}"}},
            ],
        ),
    }
    assert [r["id"] for r in shop(resources, answer).records("weather.list")] == ["/weather/no-1", "/weather/it-1"]


def test_a_product_goes_on_where_it_stood(shop: Any) -> None:
    resources = {
        "x": listing(
            "/x",
            parents=[{"as": "a", "values": [1, 2], "param": "a"}, {"as": "b", "values": [1, 2, 3], "param": "b"}],
        )
    }
    acme = shop(resources, lambda got: {"items": [{"id": got.decoded}]})
    whole = list(acme.pages("x.list"))
    assert len(whole) == 6
    for index, page in enumerate(whole):
        rest = [] if page.next_cursor is None else acme.records("x.list", Call(cursor=page.next_cursor))
        assert rest == [record for later in whole[index + 1 :] for record in later.records]
    assert whole[-1].next_cursor is None


def test_a_union_takes_one_source_after_the_other_and_duplicates_once(shop: Any) -> None:
    def answer(got: Any) -> Any:
        rows = {"/groups": ["g1", "g2"], "/shared": ["g2", "g3"]}
        return {"items": [{"id": name} for name in rows.get(got.path, [got.path])]}

    resources = {
        "groups": listing("/groups"),
        "shared": listing("/shared"),
        "projects": listing(
            "/groups/{{group}}",
            parents={"as": "group",
                     "union": [{"values": ["g0"]}, {"from": "groups.list"}, {"from": "shared.list"}]},
        ),
    }  # fmt: skip
    acme = shop(resources, answer)
    whole = list(acme.pages("projects.list"))
    assert [page.records[0]["id"] for page in whole] == [f"/groups/g{n}" for n in (0, 1, 2, 3)]
    assert acme.records("projects.list", Call(cursor=whole[1].next_cursor)) == [
        {"id": "/groups/g2"},
        {"id": "/groups/g3"},
    ]


@pytest.mark.parametrize(
    ("place", "sent"),
    [
        ({"param": "ids"}, lambda got: got.query["ids"]),
        ({"header": "X-Ids"}, lambda got: got.headers["x-ids"]),
        ({"body": "/filter/ids"}, lambda got: ",".join(got.data["filter"]["ids"])),
        ({"form": "ids"}, lambda got: got.body.decode().replace("ids=", "").replace("%2C", ",").replace("&", ",")),
    ],
)
def test_batches_go_where_they_are_placed(shop: Any, place: dict[str, str], sent: Callable[[Any], str]) -> None:
    seen: list[str] = []

    def answer(got: Any) -> Any:
        if got.path == "/ads":
            return {"items": [{"id": f"a{n}"} for n in range(5)]}
        seen.append(sent(got))
        return {"items": [{"id": "r"}]}

    resources = {
        "ads": listing("/ads"),
        "stats": {
            "list": {
                "method": "post" if place.keys() & {"body", "form"} else "get",
                "path": "/stats",
                "writes": False,
                "query_format": {"arrays": "comma"},
                "response_path": "items",
                "pagination": {"format": "none"},
                "record_mapping": {"n": "$count(parent.ad)"},
                "parents": {"as": "ad", "from": "ads.list", "batch": 2, **place},
            }
        },
    }
    acme = shop(resources, answer)
    assert acme.records("stats.list") == [{"n": 2}, {"n": 2}, {"n": 1}]
    assert seen == ["a0,a1", "a2,a3", "a4"]


def test_a_skipped_item_does_not_end_its_siblings(shop: Any) -> None:
    def answer(got: Any) -> Any:
        if got.path == "/boards":
            return {"items": [{"id": 1}, {"id": 2}, {"id": 3}]}
        return (404, {"error": "gone"}) if "/2/" in got.path else {"items": [{"id": got.path}]}

    skipping = {
        "boards": listing("/boards"),
        "issues": listing(
            "/boards/{{board}}/issues",
            parents={"as": "board", "from": "boards.list"},
            errors=[{"when": "status = 404 and partition.board = 2", "then": "skip"}],
        ),
    }
    acme = shop(skipping, answer)
    assert [r["id"] for r in acme.records("issues.list")] == ["/boards/1/issues", "/boards/3/issues"]


def test_an_error_may_name_its_item(shop: Any) -> None:
    rule = {
        "when": "status = 418",
        "then": {"fail": {"message": "'board ' & partition.board & ' of ' & parent.board.name"}},
    }
    resources = {
        "boards": listing("/boards"),
        "issues": listing("/boards/{{board}}", parents={"as": "board", "from": "boards.list"}, errors=[rule]),
    }
    acme = shop(resources, lambda got: {"items": [{"id": 9, "name": "Z"}]} if got.path == "/boards" else (418, {}))
    with pytest.raises(VendorError, match="board 9 of Z") as caught:
        acme.records("issues.list")
    assert caught.value.partition == {"board": 9}


def test_parents_that_lead_back_are_an_error(shop: Any) -> None:
    resources = {
        "a": listing("/a/{{x}}", parents={"as": "x", "from": "b.list"}),
        "b": listing("/b/{{y}}", parents={"as": "y", "from": "a.list"}),
    }
    with pytest.raises(ConfigurationError, match=r"a\.list <- b\.list <- a\.list"):
        shop(resources, lambda got: {"items": []}).records("a.list")


def test_an_unknown_parent_operation_is_the_authors_error(shop: Any) -> None:
    resources = {"boards": listing("/boards"), "a": listing("/a/{{x}}", parents={"as": "x", "from": "board.list"})}
    with pytest.raises(ConfigurationError, match=r"board\.list") as caught:
        shop(resources, lambda got: {"items": []}).records("a.list")
    assert "boards.list" in str(caught.value.hint or caught.value)


def test_no_parent_at_all_is_no_request_and_no_error(shop: Any) -> None:
    acme = shop(ISSUES, lambda got: {"items": []})
    (page,) = acme.pages("issues.list")
    assert (page.records, page.completeness) == ([], Completeness("complete"))
    assert acme.got == ["/boards"]


@pytest.mark.parametrize(
    "more",
    [
        {"each": "page", "response_mapping": {"id": "$string(response.items.id)"}},
        {"after": [{"name": "last", "transform": "$error('there is no response')"}]},
    ],
)
def test_nothing_is_mapped_where_there_is_no_parent(shop: Any, more: dict[str, Any]) -> None:
    unified = {"resources": {"contacts": {"list": {"resource": "issues", **more}}}}
    acme = shop(ISSUES, lambda got: {"items": []}, unified=unified)
    (page,) = acme.pages("contacts.list")
    assert (page.records, page.completeness) == ([], Completeness("complete"))


def test_objects_are_values_too(shop: Any) -> None:
    cities = [{"name": "Oslo", "lat": 59.9}, {"name": "Rome", "lat": 41.9}]
    resources = {
        "weather": listing("/w", query={"lat": "{{city.lat}}"}, parents={"as": "city", "values": "context.cities"},
                           record_mapping="$merge([record, {'city': partition.city.name}])"),
    }  # fmt: skip
    acme = shop(resources, lambda got: {"items": [{"t": 1}]}, cities=cities)
    assert acme.records("weather.list") == [{"t": 1, "city": "Oslo"}, {"t": 1, "city": "Rome"}]
    assert acme.got == ["/w?lat=59.9", "/w?lat=41.9"]
