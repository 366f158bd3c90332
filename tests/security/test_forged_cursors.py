"""A cursor is the caller's, who may have made it: it is one of this operation, or an error. It puts nothing into a
request but what the connector says, and makes nothing run without end."""

import base64
import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
from attack import World
from vendor import Arrived

from conn_engine.config import load_workspace
from conn_engine.errors import ConfigurationError, ConnError, UsageError
from conn_engine.listing.incremental.windows import windows
from conn_engine.runtime.call import Call
from conn_engine.runtime.connection import Connection, connect

DATED = {"format": "datetime", "config": {"record_cursor": "at", "start": "2026-01-01", "end": "2026-01-05",
                                          "window": "P1D", "start_param": "from"}}  # fmt: skip
NUMBERED = {"format": "integer", "config": {"record_cursor": "n", "start": 0, "end": 90, "window": 10}}
CURSOR: dict[str, Any] = {"format": "cursor", "config": {"cursor_field": "next", "cursor_param": "c"}}
PAGE = {"format": "page", "config": {"page_param": "p", "size": 2, "size_param": "n"}}
RESTART = {"after_records": 3, "key": "id",
           "set": {"query": {"since": "record.id"}, "headers": {"X-Since": "record.id"}}}  # fmt: skip
OPERATIONS: dict[str, dict[str, Any]] = {
    "page": {"pagination": PAGE},
    "cursor": {"pagination": CURSOR},
    "header": {"pagination": {"format": "cursor", "config": {"cursor_field": "next", "cursor_header": "X-C"}}},
    "url": {"pagination": {"format": "next_url", "config": {"next_url_field": "url"}}},
    "relative": {"pagination": {"format": "next_url", "config": {"next_url_field": "path", "relative_to": "base_url"}}},
    "restart": {"pagination": {"format": "cursor", "config": {**CURSOR["config"], "restart": RESTART}}},
    "nested": {"pagination": {"format": "nested", "config": {"inner": CURSOR, "outer": {
        "format": "page", "config": {"page_param": "o", "stop": "false"}}}}},
    "parents": {"parents": {"as": "pid", "values": ["a", "b", "c"], "param": "pid"}, "pagination": CURSOR},
    "from": {"parents": [{"as": "pid", "from": "things.cursor", "param": "pid"}, {"as": "q", "values": ["x", "y"]}]},
    "union": {"parents": {"as": "pid", "union": [{"values": ["a", "b"]}, {"from": "things.page"}], "param": "pid"}},
    "recurse": {"recurse": {"as": "b", "key": "id", "when": "record.deep", "param": "b"}, "pagination": PAGE},
    "dated": {"incremental": DATED},
    "numbered": {"incremental": NUMBERED},
    "token": {"incremental": {"format": "token", "token_field": "next", "token_param": "t"}, "pagination": CURSOR},
    "link": {"incremental": {"format": "token", "url_field": "url"}, "pagination": CURSOR},
    "chunk": {"chunk": {"values": ["a", "b"], "param": "f", "size": 1, "key": "id"}, "pagination": CURSOR},
    "all": {"parents": {"as": "p", "from": "things.page", "param": "p"}, "incremental": DATED, "pagination": CURSOR},
}  # fmt: skip
ODD: list[Any] = [
    True, -1, 10**30, -(10**12), 1.5, float("nan"), "", "x", "\ud800", "../..", "@127.0.0.1:@S/x", "http://127.0.0.1:@S/",
    [], [1], {}, {"a": 1}, {"X-Evil": "1"}, [{"at": -5}], {"at": -5}, {"of": -3}, [[{}, -5]], [[{}, 0]] * 30,
    {"query": {"evil": "1"}, "headers": {"X-Evil": "1", "Host": "evil.example"}},
]  # fmt: skip


@pytest.fixture
def connected(world: World) -> Iterator[Connection]:
    count = 0

    def answer(got: Arrived) -> tuple[int, dict[str, str], Any]:
        nonlocal count
        count += 1
        records = [{"id": str(count * 2 + at), "deep": count == 1, "at": "2026-01-02", "n": 3} for at in (0, 1)]
        body = {"results": records, "next": f"t{count}", "url": f"/v1/things?at={count}", "path": f"things?at={count}"}
        return 200, {}, body

    world.vendor.answer = answer
    usual = {"method": "get", "path": "/things", "response_path": "results"}
    made = {name: {**usual, **own} for name, own in OPERATIONS.items()}
    world.write("conn.yaml", {"version": 1, "trusted_hosts": [f"127.0.0.1:{world.vendor.port}"]})
    world.write("connectors/demo/connector.yaml", world.connector(resources={"things": made}))
    world.write("accounts/acme.yaml", {"connector": "demo"})
    environ = {"CONN_NO_KEYRING": "1", "CONN_STATE_DIR": str(world.folder / ".state"), "CONN_ACME_API_KEY": "k" * 20}
    with connect(load_workspace(world.folder), "acme", environ=environ) as made_connection:
        yield made_connection


def token(state: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(state).encode()).decode().rstrip("=")


def state(cursor: str) -> Any:
    return json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))


def places(value: Any, above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield above
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in inner:
        yield from places(item, (*above, key))


def replaced(value: Any, at: tuple[Any, ...], by: Any) -> Any:
    if not at:
        return by
    made = copy.deepcopy(value)
    holder = made
    for key in at[:-1]:
        holder = holder[key]
    holder[at[-1]] = by
    return made


@pytest.mark.parametrize("name", list(OPERATIONS))
def test_every_place_of_a_cursor_may_hold_anything(world: World, connected: Connection, name: str) -> None:
    cursor, true = None, []
    for _ in range(3):
        cursor = connected.list(f"things.{name}", Call(cursor=cursor))["next_cursor"]
        assert cursor is not None
        true.append(state(cursor))
    odd = json.loads(json.dumps(ODD).replace("@S", str(world.stranger.port)))
    if name in ("from", "all", "union", "restart"):
        odd = odd[len(name) % 3 :: 3]  # their places are many, and so are their requests
    for forged in {token(replaced(true[-1], at, by)) for at in places(true[-1]) for by in odd}:
        world.vendor.arrived.clear()
        try:
            connected.list(f"things.{name}", Call(cursor=forged))
        except ConnError as error:
            assert error.exit_code != 70, (state(forged), error)
        for got in world.vendor.arrived:
            assert got.headers["host"] == f"127.0.0.1:{world.vendor.port}"
            assert "x-evil" not in got.headers and "?evil" not in got.target and "&evil" not in got.target
    assert world.stranger.arrived == []


@pytest.mark.parametrize(
    "forged",
    [{"query": {"evil": "1"}}, {"headers": {"X-Evil": "1"}}, {"params": {"tenant": "other"}}, {"body": {"/a": 1}}],
)
def test_a_restart_puts_in_what_it_names_alone(world: World, connected: Connection, forged: dict[str, Any]) -> None:
    stretch = {"set": forged, "records": 0, "pages": 0, "known": "", "run": "", "value": None}
    with pytest.raises(UsageError, match="does not belong"):
        connected.list("things.restart", Call(cursor=token({"at": None, "stretch": stretch})))
    assert world.vendor.arrived == []


@pytest.mark.parametrize("path", [".evil.example/x", "@evil.example/", ":1/x", "\\evil", "things"])
def test_a_path_does_not_go_on_with_the_host(world: World, connected: Connection, path: str) -> None:
    with pytest.raises(UsageError, match="does not belong"):
        connected.list("things.relative", Call(cursor=token({"path": path})))
    assert world.vendor.arrived == []


def test_windows_come_to_an_end() -> None:
    with pytest.raises(ConfigurationError, match="more than 100,000 windows"):
        for _ in windows(0, 10**18, lambda at: at + 1):
            pass
