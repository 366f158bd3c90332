"""A vendor takes its key in the path alone: it goes there and nowhere else, and is in nothing that is kept or shown."""

import base64
from typing import Any

import pytest
from attack import KEY, World

from conn_engine.config import load_workspace
from conn_engine.runtime.call import Call
from conn_engine.runtime.connection import connect

IN_PATH = {"format": "path", "config": {"name": "key", "value": "bot{{api_key}}"}}


def connector(world: World, place: str, **changes: Any) -> dict[str, Any]:
    """A connector whose key stands in the operations' paths, or in `base_url`."""
    made = world.connector(authorization=IN_PATH, **changes)
    if place == "base_url":
        return {**made, "base_url": f"{world.vendor.url}/{{key}}/v1"}
    for operation in made["resources"]["things"].values():
        operation["path"] = f"/{{key}}{operation['path']}"
    return made


def asked(place: str) -> str:
    return f"/bot{KEY}/v1/things" if place == "base_url" else f"/v1/bot{KEY}/things"


@pytest.mark.parametrize("place", ["path", "base_url"])
def test_it_arrives_and_is_in_nothing_that_is_shown_or_kept(world: World, place: str) -> None:
    world.lay_out(connector=connector(world, place))
    for command in (
        ["run", "things.list", "-a", "acme", "--trace"],
        ["record", "things.list", "-a", "acme"],
        ["test", "things.list", "-a", "acme", "--update"],
        ["test", "things.list", "-a", "acme"],
        ["run", "demo:things.create", "-a", "acme", "--body", '{"a": 1}', "--dry-run"],
    ):
        done = world.conn(*command)
        assert done.code == 0, done.all
        world.nothing_leaked(done)
    assert [got.target for got in world.vendor.arrived] == [asked(place)] * 2


@pytest.mark.parametrize("place", ["path", "base_url"])
@pytest.mark.parametrize("answer", [(404, {}, {"message": "none"}), (500, {}, b"<html>oops"), (200, {}, b"no json")])
def test_no_error_has_it(world: World, place: str, answer: Any) -> None:
    world.vendor.answer = lambda got: answer
    world.lay_out(connector=connector(world, place))
    for debug in ([], ["--debug"]):
        done = world.conn(*debug, "run", "demo:things.get", "-p", "id=7", "-a", "acme", "--trace")
        assert done.code == 4, done.all
        assert "{key}" in done.err
        world.nothing_leaked(done)


@pytest.mark.parametrize("place", ["path", "base_url"])
@pytest.mark.parametrize("link", ["?page=2", "things?page=2", "{path}?page=2", "{url}{path}?page=2"])
def test_a_next_url_has_it_again_and_the_cursor_has_not(world: World, place: str, link: str) -> None:
    paging = {"format": "next_url", "config": {"next_url_field": "next"}}
    told = link.format(url=world.vendor.url, path=asked(place))
    world.vendor.answer = lambda got: (
        200,
        {},
        {"results": [{"id": got.target[-1]}], "next": None if "page=2" in got.target else told},
    )
    world.lay_out(connector=connector(world, place, pagination=paging))
    with connect(load_workspace(world.folder), "acme", environ={"CONN_ACME_API_KEY": KEY}) as acme:
        cursor = acme.list("things.list")["next_cursor"]
        assert KEY not in base64.urlsafe_b64decode(cursor + "==").decode()
        assert acme.list("things.list", Call(cursor=cursor))["result"] == [{"id": "2"}]
    assert [got.target for got in world.vendor.arrived] == [asked(place), f"{asked(place)}?page=2"]


def test_it_does_not_follow_to_a_stranger(world: World) -> None:
    world.vendor.answer = lambda got: (302, {"location": f"{world.stranger.url}{got.target}"}, {})
    world.lay_out(connector=connector(world, "path"))
    done = world.conn("run", "things.list", "-a", "acme", "--trace")
    assert done.code != 0
    assert world.stranger.arrived == []
    world.nothing_leaked(done)


def test_an_account_may_not_send_it_elsewhere(world: World) -> None:
    world.lay_out({"base_url": f"{world.stranger.url}/{{key}}"}, connector=connector(world, "path"))
    done = world.conn("run", "things.list", "-a", "acme")
    assert done.code != 0
    assert world.stranger.arrived == []
    world.nothing_leaked(done)
