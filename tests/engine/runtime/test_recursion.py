"""Records can be parents of more records of the same operation."""

import json
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest

from conn_engine.errors import ConfigurationError, UsageError, VendorError
from conn_engine.listing.known_records import MOST_KNOWN
from conn_engine.runtime.call import Call, encode_cursor

TREE = {"root": ["a", "b"], "a": ["a1", "a2"], "a1": ["x"], "b": [], "x": []}
BLOCKS = {
    "list": {
        "method": "get",
        "path": "/blocks/{{block}}",
        "response_path": "items",
        "parents": {"as": "block", "values": ["root"]},
        "recurse": {"as": "block", "key": "id", "when": "record.more"},
        "record_mapping": {"id": "record.id", "in": "partition.block"},
    }
}


def answers(tree: dict[str, list[str]], size: int = 1) -> Callable[[Any], Any]:
    """Children of a block, `size` a page."""

    def answer(got: Any) -> Any:
        children = tree[got.path.rsplit("/", 1)[1]]
        at = int(got.query.get("after", 0))
        page = {"items": [{"id": name, "more": bool(tree.get(name))} for name in children[at : at + size]]}
        return page | ({"next": str(at + size)} if at + size < len(children) else {})

    return answer


def test_depth_first_each_once(shop: Any) -> None:
    acme = shop({"blocks": BLOCKS}, answers(TREE))
    assert acme.records("blocks.list") == [
        {"id": "a", "in": "root"}, {"id": "a1", "in": "a"}, {"id": "x", "in": "a1"}, {"id": "a2", "in": "a"},
        {"id": "b", "in": "root"},
    ]  # fmt: skip


@pytest.mark.parametrize("size", [1, 2, 3])
def test_every_cursor_leads_to_exactly_the_rest(shop: Any, size: int) -> None:
    acme = shop({"blocks": BLOCKS}, answers(TREE, size))
    whole = list(acme.pages("blocks.list"))
    for index, page in enumerate(whole):
        rest = [] if page.next_cursor is None else acme.records("blocks.list", Call(cursor=page.next_cursor))
        assert rest == [record for later in whole[index + 1 :] for record in later.records]


def test_a_note_reports_that_a_cursor_could_not_have_all_parents(shop: Any) -> None:
    names = [f"n{number}" for number in range(MOST_KNOWN)]
    tree = {
        "root": [*names, "last", "more"],
        "last": ["x"],
        "more": ["y"],
        "x": [],
        "y": [],
        **{name: [] for name in names},
    }
    every = {"list": {**BLOCKS["list"], "recurse": {"as": "block", "key": "id", "when": "record.id != 'x'"}}}

    def answer(got: Any) -> Any:
        return {"items": [{"id": name} for name in tree[got.path.rsplit("/", 1)[1]]]}

    acme = shop({"blocks": every}, answer)
    pages = list(acme.pages("blocks.list"))
    assert [page.records[0]["id"] for page in pages if page.records] == ["n0", "x", "y"]
    (at,) = [number for number, page in enumerate(pages) if page.records == [{"id": "x", "in": "last"}]]
    rest = list(acme.pages("blocks.list", Call(cursor=pages[at].next_cursor)))
    assert [page.records for page in rest] == [page.records for page in pages[at + 1 :]]
    assert [len(page.notes) for page in rest] == [1] + [0] * (len(rest) - 1)
    assert "may come again" in rest[0].notes[0]


def test_page_by_page_in_separate_calls(shop: Any) -> None:
    acme = shop({"blocks": BLOCKS}, answers(TREE))
    found, cursor = [], None
    while True:
        with closing(acme.pages("blocks.list", Call(cursor=cursor))) as pages:
            page = next(pages)
        found += [record["id"] for record in page.records]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert found == ["a", "a1", "x", "a2", "b"]


def test_a_record_within_itself_is_an_error_that_shows_the_way(shop: Any) -> None:
    acme = shop({"blocks": BLOCKS}, answers({"root": ["a"], "a": ["b"], "b": ["a"]}))
    with pytest.raises(VendorError, match="root > a > b > a") as caught:
        acme.records("blocks.list")
    assert caught.value.kind == "bad_response"


def test_a_record_in_two_places_is_asked_for_once(shop: Any) -> None:
    acme = shop({"blocks": BLOCKS}, answers({"root": ["a", "b"], "a": ["c"], "b": ["c"], "c": ["d"]}))
    acme.records("blocks.list")
    assert acme.got.count("/blocks/c") == 1


def test_too_deep_is_an_error(shop: Any) -> None:
    deep = {"root": ["n1"]} | {f"n{n}": [f"n{n + 1}"] for n in range(1, 9)}
    bounded = {"list": BLOCKS["list"] | {"recurse": BLOCKS["list"]["recurse"] | {"max_depth": 3}}}
    acme = shop({"blocks": bounded}, answers(deep))
    with pytest.raises(VendorError, match=r"more than 3 levels deep"):
        acme.records("blocks.list")
    fits = {key: deep[key] for key in ("root", "n1", "n2")} | {"n3": ["n4"], "n4": []}
    assert len(shop({"blocks": bounded}, answers(fits)).records("blocks.list")) == 4


def test_the_deepest_allowed_recursion_is_read_and_resumed(shop: Any) -> None:
    tree = {"root": ["n1"]} | {f"n{n}": [f"n{n + 1}"] for n in range(1, 50)} | {"n50": ["end"]}
    deepest = {"list": BLOCKS["list"] | {"recurse": BLOCKS["list"]["recurse"] | {"max_depth": 50}}}
    acme = shop({"blocks": deepest}, answers(tree))
    pages = list(acme.pages("blocks.list"))
    assert len(pages) == 51
    assert acme.records("blocks.list", Call(cursor=pages[30].next_cursor)) == [
        record for page in pages[31:] for record in page.records
    ]


def test_the_first_call_may_be_without_a_value(shop: Any) -> None:
    folders = {
        "list": {
            "method": "get",
            "path": "/folders",
            "response_path": "$",
            "pagination": {"format": "none"},
            "recurse": {"as": "folder", "param": "parent"},
        }
    }
    rows = {"": [{"id": 1}, {"id": 2}], "1": [{"id": 3}], "2": [], "3": []}
    acme = shop({"folders": folders}, lambda got: rows[got.query.get("parent", "")])
    assert [record["id"] for record in acme.records("folders.list")] == [1, 2, 3]
    assert acme.got == ["/folders", "/folders?parent=1", "/folders?parent=3", "/folders?parent=2"]


def test_a_record_without_a_key_is_an_error(shop: Any) -> None:
    acme = shop({"blocks": BLOCKS}, lambda got: {"items": [{"more": True}]})
    with pytest.raises(ConfigurationError, match="has no key"):
        acme.records("blocks.list")


@pytest.mark.parametrize("trail", ["a", [1], [[{}, "0"]], [[1, 1]], [[{}]]])
def test_a_forged_trail_is_refused(shop: Any, trail: Any) -> None:
    acme = shop({"blocks": BLOCKS}, answers(TREE))
    cursor = encode_cursor({"place": {"partition": [{"at": 0}], "recurse": trail}})
    with pytest.raises(UsageError, match="does not belong"):
        acme.records("blocks.list", Call(cursor=cursor))


def test_a_long_answer_is_handed_on_in_parts_and_its_records_are_asked_for_more_after_it(shop: Any) -> None:
    folders = {
        "list": {
            "method": "get",
            "path": "/folders",
            "response_format": "jsonl",
            "pagination": {"format": "none"},
            "recurse": {"as": "folder", "param": "parent", "when": "record.more"},
        }
    }
    many = 2500

    def answer(got: Any) -> Any:
        if "parent" in got.query:
            return json.dumps({"id": f"{got.query['parent']}-child"}).encode()
        return b"\n".join(json.dumps({"id": n, "more": n in (3, 2400)}).encode() for n in range(many))

    acme = shop({"folders": folders}, answer)
    pages = list(acme.pages("folders.list"))
    records = [record["id"] for page in pages for record in page.records]
    assert records == [*range(many), "3-child", "2400-child"]
    assert acme.got == ["/folders", "/folders?parent=3", "/folders?parent=2400"]
    assert pages[0].partial
    for index, page in enumerate(pages):
        if page.partial:
            assert page.next_cursor is None
        elif page.next_cursor is not None:
            rest = acme.records("folders.list", Call(cursor=page.next_cursor))
            assert rest == [record for later in pages[index + 1 :] for record in later.records]
