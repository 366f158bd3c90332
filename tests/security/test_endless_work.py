"""An override asks for work without end: each of them is an error, and soon."""

from typing import Any

import pytest
from attack import World
from measuring import cpu_limit

from conn_engine.transport.gateway import is_permitted
from conn_engine.transport.hosts import is_covered

STARS = "*a" * 25 + "*b"
LISTED = {"method": "get", "path": "/things", "response_path": "results"}
CHAIN = {f"a{at}": {**LISTED, "parents": {"as": f"p{at}", "from": f"things.a{at + 1}"}} for at in range(300)}


def listing(**said: Any) -> dict[str, Any]:
    return {"resources": {"things": {"list": said}}}


def incremental(**said: Any) -> dict[str, Any]:
    return listing(incremental={"format": "datetime", "config": {"record_cursor": "id", "start_param": "s", **said}})


@pytest.mark.slow
@pytest.mark.parametrize(
    ("override", "code", "words"),
    [
        ({"rate_limit": {"budget": [{"requests": 9, "per_seconds": 1, "path": "/v1/" + STARS}]},
          **listing(path="/" + "a" * 2000)}, 0, ""),
        ({"hosts": [f"{STARS}.x.example"], "base_url": f"https://{'a' * 240}.x.example/v1"}, 3,
         "would send a credential"),
        (incremental(start="2026-01-01", record_formats=["%Y%Y"]), 0, "cannot be read"),
        (incremental(start="0001-01-01", window="PT0.000001S", skip_empty=True, request_format="date"), 3,
         "more than 100,000 windows"),
        (listing(parents=[{"as": name, "values": "[1..9999]"} for name in "abcdef"]), 3, "200,000 combinations"),
        (listing(parents=[{"as": f"p{at}", "values": "[1, 2]"} for at in range(300)]), 3, "at most 20 can be"),
        ({"resources": {"things": {**CHAIN, "a300": LISTED,
                                   "list": {"parents": {"as": "z", "from": "things.a0"}}}}}, 3, "than 20 levels deep"),
        (listing(job={"poll": {"path": "/p", "status": "'x'", "done": ["y"], "every_seconds": 0,
                               "timeout_seconds": 20}}), 4, "did not finish within 20 s"),
        (listing(errors=[{"when": "true", "then": {"rate_limited": {"wait": [{"body": "text", "pattern": "(a+)+b"}]}}}],
                 path="/" + "a" * 40), 3, "takes too long"),
        (listing(errors=[{"when": "true", "then": {"retry": {"times": 20, "wait": "1e300"}}}]), 4, ""),
        (listing(record_mapping="[1..10000000]"), 3, "size limit"),
    ],
    ids=["budget", "host", "format", "windows", "product", "names", "ancestors", "poll", "pattern", "wait", "mapping"],
)  # fmt: skip
def test_it_ends(world: World, override: dict[str, Any], code: int, words: str) -> None:
    connector = world.connector()
    connector["hosts"].append("*.x.example")
    world.vendor.answer = lambda got: (200, {}, {"results": [{"id": "1"}], "echo": got.target})
    world.lay_out(override, connector=connector)
    with cpu_limit(30):
        done = world.conn("run", "things.list", "-a", "acme", "--raw", "--limit", "5")
        assert done.code == code and words in done.err, done.all[:2000]
    assert len(world.vendor.arrived) < 60


def test_many_stars_in_a_host_are_soon_judged() -> None:
    with cpu_limit(10):
        host = f"{'a' * 240}.x.example"
        assert not is_permitted(("https", host, 443), (f"{STARS}.x.example",))
        assert not is_covered(host, [f"{STARS}.x.example"])
        assert is_permitted(("https", "a-b-c.x.example", 443), ("a*b*c.x.example",))
        assert not is_permitted(("https", "ab.x.example", 443), ("ab*b.x.example",))
