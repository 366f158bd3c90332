"""Documents, patterns, expressions and answers that try to take all the time or memory there is."""

import gzip
import json
from typing import Any

import pytest
from attack import World
from measuring import cpu_limit

SECONDS = 30.0  # of processor time: an expression may take 5, and a page is tried again record by record


@pytest.fixture(autouse=True)
def soon() -> Any:
    with cpu_limit(SECONDS):
        yield


BOMB = "a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{chr(98 + n)}: &{chr(98 + n)} [{','.join(['*' + chr(97 + n)] * 10)}]\n" for n in range(9)
)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "code"),
    [
        (BOMB, "DOC004"),
        ("a: &a [*a]\n", "DOC"),
        ("a: " + "[" * 50_000 + "]" * 50_000, "DOC"),
        ('{"a":' * 50_000 + "1" + "}" * 50_000, "DOC"),
        ("a: " + "x" * 40_000_000, "DOC005"),
        ("- " * 100_000, "DOC"),
        ("? " * 100_000, "DOC"),
        ("!!python/object/apply:os.system ['touch pwned']\n", "DOC"),
        ("a: !!python/name:os.system\n", "DOC"),
        ("a: !include /etc/passwd\n", "DOC"),
        ("a: 1\na: 2\n", "DOC"),
        ('{"a": 1, "a": 2}', "DOC"),
        ('{"a": NaN}', "CFG103"),  # a text, in the YAML that .yaml files are
        ('{"a": "\\ud800"}', "DOC"),
        ("a: \x00\n", "DOC"),
        ("connector: demo\nlabel: \x1b[31mred\n", "DOC"),
    ],
    ids=lambda value: value[:30] if isinstance(value, str) else "",
)
def test_a_document_ends_with_a_finding(world: World, text: str, code: str) -> None:
    world.lay_out()
    world.write("accounts/acme.yaml", text)
    for command in (["lint"], ["run", "things.list", "-a", "acme"], ["account", "list"]):
        done = world.conn(*command)
        assert done.code in (1, 3), done.all[:500]
        assert code in done.all
        assert "acme.yaml:" in done.all  # file and line
        assert "\x1b" not in done.all
    assert not (world.folder / "pwned").exists()


PATTERNS = ["(a+)+$", "(a|a)*$", "(.*a){20}$", "(?:a*)*b", "a*a*a*a*a*a*b"]


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_pattern_of_a_rate_limit(world: World, pattern: str) -> None:
    world.vendor.answer = lambda got: (200, {"x-rl": "a" * 4000 + "!"}, {"results": []})
    done = world.attack({"rate_limit": {"limit": {"header": "x-rl", "pattern": pattern, "group": 0}}})
    assert done.code in (0, 3)


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_pattern_of_a_field(world: World, pattern: str) -> None:
    fields = [{"name": "tenant", "pattern": pattern}]
    world.lay_out(connector=world.connector(fields=fields), context={"tenant": "a" * 4000 + "!"})
    done = world.conn("lint")
    assert "REF103" in done.out


@pytest.mark.slow
@pytest.mark.parametrize(
    "expression",
    [
        "$match(response.id, /(a+)+$/)",
        "$eval('1')",
        "($f := function($n) { $f($n + 1) }; $f(1))",
        "($f := function($n) { 1 + $f($n + 1) }; $f(1))",
        "[1..100000000]",
        "$sum([1..10000000].(1))",
        "$pad('x', 1000000000)",
        "($s := function($t, $n) { $n = 0 ? $t : $s($t & $t, $n - 1) }; $s('aaaaaaaaaa', 40))",
        "$replace($pad('a', 10000, 'a'), 'a', $pad('b', 100000, 'b'))",
        "$map([1..9999], function($x) { $map([1..9999], function($y) { $map([1..9999], function($z) { 1 }) }) })",
    ],
)
def test_an_expression_ends(world: World, expression: str) -> None:
    world.vendor.answer = lambda got: (200, {}, {"results": [{"id": "a" * 60 + "!"}]})
    done = world.attack({"unified": {"crm": {"things": {"list": {"response_mapping": {"x": expression}}}}}})
    assert done.code == 3, done.all[:300]
    assert "error" in done.err
    assert len(done.all) < 5000


@pytest.mark.parametrize(
    "body",
    [
        gzip.compress(b"") * 1_000_000,
        gzip.compress(b"\0" * 80_000_000),
        gzip.compress(gzip.compress(b"\0" * 80_000_000)),
        (gzip.compress(b"") + b"\0") * 500_000,
    ],
    ids=["many members", "bomb", "bomb in a bomb", "padding between members"],
)
def test_a_compressed_answer(world: World, body: bytes) -> None:
    world.vendor.answer = lambda got: (200, {"content-encoding": "gzip"}, body)
    done = world.attack({})
    assert done.code in (4, 75), (done.code, done.err[:300])
    assert len(done.err) < 1000


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 1_000_000,
        b'{"results":' + b'{"a":' * 100_000 + b"1" + b"}" * 100_001,
        b'{"results": NaN}',
        b'{"results": [1e999999]}',
        b'{"results": [' + b"9" * 100_000 + b"]}",
        b'{"a": "\xff\xfe"}',
    ],
    ids=lambda body: repr(body[:24]),
)
def test_an_answer_that_is_hardly_json(world: World, body: bytes) -> None:
    world.vendor.answer = lambda got: (200, {}, body)
    done = world.attack({})
    assert done.code in (0, 3, 4), (done.code, done.err[:300])
    assert "internal error" not in done.err
    assert len(done.err) < 2000


def test_halves_of_surrogate_pairs_in_answers(world: World) -> None:
    world.vendor.answer = lambda got: (200, {}, b'{"results": [{"id": "\\ud800"}, {"id": "2"}]}')
    for output in ("jsonl", "json", "csv", "table"):
        world.lay_out()
        done = world.conn("run", "things.list", "-a", "acme", "-o", output)
        assert "internal error" not in done.err, done.err
        done.out.encode(errors="strict")
    for command in (["record", "things.list", "-a", "acme"], ["test", "things.list", "--update"]):
        done = world.conn(*command)
        assert "internal error" not in done.err, done.err


@pytest.mark.parametrize("after", ["1000000000000", "-5", "NaN", "1e308", "9" * 4000, "Fri, 31 Dec 9999 23:59:59 GMT"])
def test_a_wait_without_end(world: World, after: str) -> None:
    world.vendor.answer = lambda got: (429, {"retry-after": after}, {})
    world.lay_out()
    done = world.conn("run", "things.list", "-a", "acme", "--wait")
    assert done.code == 4
    assert "rate_limited" in done.err


@pytest.mark.parametrize("wait", ["1e300", "-1", "0/0", "'x'", "response", "$error('x')"])
def test_a_rule_that_waits_without_end(world: World, wait: str) -> None:
    rule = {"when": "true", "then": {"rate_limited": {"wait": wait}}}
    world.lay_out({"errors": [rule]})
    done = world.conn("run", "things.list", "-a", "acme", "--wait")
    assert done.code in (3, 4), done.err


def test_a_listing_without_end(world: World) -> None:
    paging = {"pagination": {"format": "cursor", "config": {"cursor_field": "next"}}}
    world.vendor.answer = lambda got: (200, {}, {"results": [{"id": "1"}], "next": "same"})
    done = world.attack(paging)
    assert done.code == 1  # what came is delivered, and the listing is incomplete
    assert "incomplete" in done.err
    assert len(world.vendor.arrived) == 2


def test_retries_are_bounded(world: World) -> None:
    done = world.attack({"errors": [{"when": "true", "then": {"retry": {"times": 10**9, "backoff_seconds": 0}}}]})
    assert done.code == 3
    assert world.vendor.arrived == []


def test_a_cursor_that_is_not_ours(world: World) -> None:
    world.lay_out()
    for cursor in ("!", "e30", "bnVsbA", "A" * 100_000, "W1tbW1tb" * 900):
        done = world.conn("run", "things.list", "-a", "acme", "--cursor", cursor)
        assert done.code in (0, 2, 4), (cursor[:20], done.all[:200])
        assert "internal error" not in done.err


@pytest.mark.slow
def test_a_recording_of_very_many_exchanges(world: World) -> None:
    world.lay_out()
    world.conn("record", "things.list", "-a", "acme")
    path = world.folder / "connectors/demo/recordings/crm.things.list.json"
    told = json.loads(path.read_text())
    told["exchanges"] *= 50_000
    path.write_text(json.dumps(told))
    done = world.conn("test", "things.list")
    assert done.code in (0, 1, 3)
    assert len(done.all) < 10_000
