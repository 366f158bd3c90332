"""Mutations are made where the report places them, and a test that covers the place notices them."""

import json
from pathlib import Path
from typing import Any

import pytest

from conn_cli.report import mutate as report
from conn_engine.analysis.mutants import Bench, Mutant
from conn_engine.analysis.mutants.edits import DROPPED, change_literals, change_paths, replace_value
from conn_engine.analysis.mutants.mutations import create_mutants
from conn_engine.analysis.mutants.report import MutationReport, Score
from conn_engine.analysis.mutants.rows import Change
from conn_engine.analysis.mutants.settings import mutate_inheritable, mutate_operation
from conn_engine.config import load_workspace, lookup
from conn_engine.documents import parse
from conn_engine.errors import ConfigurationError

BASE = "https://shop.example"
CONNECTOR = """\
base_url: https://shop.example
pagination: {format: page, config: {page_param: p, has_more: body.more}}
errors:
  - {when: status = 404, then: empty}
resources:
  things:
    list: {method: get, path: /things, query: {view: all}, response_path: data.items, record_filter: record.id != '9'}
    get: {method: get, path: "/things/{{id}}"}
"""
UNIFIED = """\
resources:
  things:
    list:
      response_mapping: &thing
        id: response.id
        name: response.n
        city: response.c
        big: "response.size > 10 ? 'big' : 'small'"
    get:
      response_mapping: *thing
"""


def recording(operation: str, call: dict[str, Any], *exchanges: Any) -> dict[str, Any]:
    rows = [
        {"request": {"method": "GET", "url": BASE + path, "query": query}, "response": {"status": status, "body": body}}
        for path, query, status, body in exchanges
    ]
    return {
        "format": 1, "connector": "shop", "operation": operation, "source": "sample", "base_url": BASE,
        "recorded_at": "2026-01-01T00:00:00Z", "call": call, "exchanges": rows,
    }  # fmt: skip


def thing(number: int, **more: Any) -> dict[str, Any]:
    return {"id": str(number), "n": f"n{number}", "c": f"c{number}", **more}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A workspace whose tests are green, with goldens that its own engine wrote."""
    from conn_engine.secrets import Redactor
    from conn_engine.testing.goldens import update_golden
    from conn_engine.testing.suite import Selection, run_suite

    first = {"data": {"items": [thing(1, size=11), thing(9)]}, "more": True}
    second = {"data": {"items": [thing(2, size=10)]}, "more": False}
    listing = recording(
        "m.things.list", {}, ("/things", {"view": "all", "p": "1"}, 200, first),
        ("/things", {"view": "all", "p": "2"}, 200, second),
    )  # fmt: skip
    gone = recording("m.things.get", {"id": "7"}, ("/things/7", {}, 404, {}))
    files = {
        "conn.yaml": "version: 1\n",
        "connectors/shop/connector.yaml": CONNECTOR,
        "connectors/shop/unified/m.yaml": UNIFIED,
        "connectors/shop/recordings/m.things.list.json": json.dumps(listing),
        "connectors/shop/recordings/m.things.get.json": json.dumps(gone),
        "models/m/thing.schema.json": json.dumps({"type": "object"}),
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    workspace = load_workspace(tmp_path)
    for tested in run_suite(workspace, Selection()):
        for judgement in tested.judgements:
            update_golden(judgement, Redactor())
    return tmp_path


def verdicts(root: Path) -> dict[tuple[str, str], bool]:
    bench = Bench(load_workspace(root), "shop")
    return {(mutant.kind, mutant.text): bench.verdict(mutant).killed for mutant in bench.mutants()}


@pytest.mark.parametrize(("text", "killed"), [("$number(response.c)", True), ("$number(response.none)", False)])
def test_a_field_that_fails_is_noticed_although_it_is_in_no_golden(root: Path, text: str, killed: bool) -> None:
    bench, path = Bench(load_workspace(root), "shop"), ("unified", "m", "things", "list", "response_mapping")
    mapping = {**lookup(bench.effective.data, path), "more": text}
    assert bench.verdict(Mutant("path", text, "", None, (Change(path, mapping),))).killed is killed


def test_every_kind_of_mistake_is_made_and_noticed_by_tests_that_look(root: Path) -> None:
    found = verdicts(root)
    assert found == {
        ("error_rule", "rule dropped: status = 404"): True,
        ("error_rule", "404 -> 405"): True,
        ("error_rule", "= -> !="): True,
        ("error_rule", "empty -> fail"): True,
        ("pagination", "no pagination"): True,
        ("pagination", "has_more: body.more -> body.more_x"): True,
        ("pagination", "page_param: p -> p_x"): True,
        ("query", "query parameter view dropped"): True,
        ("query", "view: all -> all_x"): True,
        ("request", "method get -> post"): True,
        ("request", "path /things -> /things_x"): True,
        ("request", "path /things/{{id}} -> /things/{{id}}_x"): True,
        ("response_path", "data.items -> data.items_x"): True,
        ("response_path", "data.items -> data"): True,
        ("record_filter", "record_filter dropped"): True,
        ("literal", "'9' -> '9x'"): True,
        ("operator", "!= -> ="): True,
        ("operator", "> -> <="): True,
        ("path", "id -> a missing field"): True,
        ("drop_field", "id dropped"): True,
        ("drop_field", "name dropped"): True,
        ("drop_field", "city dropped"): True,
        ("drop_field", "big dropped"): True,
        ("swap_paths", "response.id -> response.n"): True,
        ("swap_paths", "response.n -> response.c"): True,
        ("swap_paths", "response.c -> response.id"): True,
        ("literal", "10 -> 11"): True,
        ("literal", "'big' -> 'bigx'"): True,
        ("literal", "'small' -> 'smallx'"): True,
        ("path", "size -> a missing field"): True,
    }


RULES = parse(
    """\
pagination:
  format: page
  config: {page_param: p, size_param: n, size: 2, first: 0, one_page: true, has_more: body.page < body.pages - 1}
headers: {X-Version: "7", X-Tenant: "{{context.tenant}}", X-None: null, X-Api-Key: k}
errors:
  - when: status = 503 and body.code = 'busy'
    then: {retry: {times: 2, backoff_seconds: 9, then: {kind: conflict, message: "'still busy: ' & body.why.text"}}}
  - {when: status = 429, then: rate_limited}
  - {when: status = 404, then: {fail: {kind: bad_response, message: body.message}}}
""",
    "rules.yaml",
).data


def made(kind: str, at: Any, data: dict[str, Any]) -> list[tuple[str, str, Any]]:
    """What a mistake says, the place below `data`, and what stands there then."""
    return [
        (text, ".".join(map(str, change.path)), change.value)
        for found, text, change, _ in [*mutate_inheritable(at, data), *mutate_operation(at, data, {})]
        if found == kind
    ]


def test_mistakes_in_what_is_implied() -> None:
    at, resource = ("resources", "things", "get"), {"path": "/things", "get": {}}
    assert [(text, change.path[-1], change.value) for _, text, change, _ in mutate_operation(at, {}, resource)] == [
        ("method get -> post", "method", "post"),
        ("path /things/{{id}} -> /things/{{id}}_x", "path", "/things/{{id}}_x"),
    ]
    assert made("response_path", (), {"response_path": "a.b"}) == [
        ("a.b -> a.b_x", "response_path", "a.b_x"),
        ("a.b -> a", "response_path", "a"),
    ]


def test_mistakes_in_the_settings_of_pages() -> None:
    assert made("pagination", (), RULES) == [
        ("no pagination", "pagination", {"format": "none"}),
        ("page_param: p -> p_x", "pagination.config.page_param", "p_x"),
        ("size_param: n -> n_x", "pagination.config.size_param", "n_x"),
        ("size: 2 -> 3", "pagination.config.size", 3),
        ("first: 0 -> 1", "pagination.config.first", 1),
        ("one_page: true -> false", "pagination.config.one_page", False),
        ("1 -> 2", "pagination.config.has_more", "body.page < body.pages - 2"),
        ("< -> >=", "pagination.config.has_more", "body.page >= body.pages - 1"),
        ("- -> +", "pagination.config.has_more", "body.page < body.pages + 1"),
        ("page -> a missing field", "pagination.config.has_more", "body.`not there` < body.pages - 1"),
        ("pages -> a missing field", "pagination.config.has_more", "body.page < body.`not there` - 1"),
    ]


def test_the_name_of_a_parameter_is_not_an_expression() -> None:
    paging = {"format": "cursor", "config": {"cursor_field": "next", "cursor_param": "page[1]"}}
    assert made("pagination", (), {"pagination": paging})[1:] == [
        ("cursor_field: next -> next_x", "pagination.config.cursor_field", "next_x"),
        ("cursor_param: page[1] -> page[1]_x", "pagination.config.cursor_param", "page[1]_x"),
    ]


def test_mistakes_in_error_rules_but_not_in_how_long_they_wait() -> None:
    busy = "status = 503 and body.code = 'busy'"
    assert made("error_rule", (), RULES) == [
        (f"rule dropped: {busy}", "errors.0", DROPPED),
        ("503 -> 504", "errors.0.when", busy.replace("503", "504")),
        ("'busy' -> 'busyx'", "errors.0.when", busy.replace("busy", "busyx")),
        ("= -> !=", "errors.0.when", busy.replace("=", "!=", 1)),
        ("and -> or", "errors.0.when", busy.replace("and", "or")),
        ("= -> !=", "errors.0.when", busy.replace("code =", "code !=")),
        ("code -> a missing field", "errors.0.when", busy.replace("code", "`not there`")),
        ("retry -> fail", "errors.0.then", "fail"),
        ("2 times -> 3", "errors.0.then.retry.times", 3),
        ("kind conflict -> rate_limited", "errors.0.then.retry.then.kind", "rate_limited"),
        ("'still busy: ' -> 'still busy: x'", "errors.0.then.retry.then.message", "'still busy: x' & body.why.text"),
        ("why -> a missing field", "errors.0.then.retry.then.message", "'still busy: ' & body.`not there`.text"),
        ("text -> a missing field", "errors.0.then.retry.then.message", "'still busy: ' & body.why.`not there`"),
        ("rule dropped: status = 429", "errors.1", DROPPED),
        ("429 -> 430", "errors.1.when", "status = 430"),
        ("= -> !=", "errors.1.when", "status != 429"),
        ("rate_limited -> fail", "errors.1.then", "fail"),
        ("rule dropped: status = 404", "errors.2", DROPPED),
        ("404 -> 405", "errors.2.when", "status = 405"),
        ("= -> !=", "errors.2.when", "status != 404"),
        ("kind bad_response -> invalid_request", "errors.2.then.fail.kind", "invalid_request"),
    ]


LIMITS = parse(
    """\
rate_limit:
  limited_when: status = 429
  default_wait_seconds: 7
  max_wait_seconds: 9
  slow_when_remaining: 3
  budget: [{requests: 2, per_seconds: 10}]
  retry_after: {body: body.wait.seconds, unit: milliseconds}
  windows:
    - {name: burst, limit: 100, remaining: x-left, reset: x-reset, reset_unit: seconds}
    - {name: day, used: {header: x-used, pattern: "(a+)/(b+)", group: 2}, window_seconds: 60}
""",
    "limits.yaml",
).data


def test_mistakes_in_limits_but_not_in_pauses() -> None:
    windows = "rate_limit.windows"
    assert made("rate_limit", (), LIMITS) == [
        ("429 -> 430", "rate_limit.limited_when", "status = 430"),
        ("= -> !=", "rate_limit.limited_when", "status != 429"),
        ("default_wait_seconds: 7 -> 8", "rate_limit.default_wait_seconds", 8),
        ("body: body.wait.seconds -> body.wait.seconds_x", "rate_limit.retry_after.body", "body.wait.seconds_x"),
        ("unit: milliseconds -> seconds", "rate_limit.retry_after.unit", "seconds"),
        ("name: burst -> burst_x", f"{windows}.0.name", "burst_x"),
        ("limit: 100 -> 101", f"{windows}.0.limit", 101),
        ("remaining: x-left -> x-left_x", f"{windows}.0.remaining", "x-left_x"),
        ("reset: x-reset -> x-reset_x", f"{windows}.0.reset", "x-reset_x"),
        ("reset_unit: seconds -> milliseconds", f"{windows}.0.reset_unit", "milliseconds"),
        ("name: day -> day_x", f"{windows}.1.name", "day_x"),
        ("header: x-used -> x-used_x", f"{windows}.1.used.header", "x-used_x"),
        ("pattern: (a+)/(b+) -> (a+)/(b+)_x", f"{windows}.1.used.pattern", "(a+)/(b+)_x"),
        ("group: 2 -> 3", f"{windows}.1.used.group", 3),
        ("window_seconds: 60 -> 61", f"{windows}.1.window_seconds", 61),
        ("windows: item 1 dropped", f"{windows}.0", DROPPED),
        ("windows: item 2 dropped", f"{windows}.1", DROPPED),
    ]


def test_a_mistake_that_cannot_be_made_is_no_success_of_the_tests(root: Path) -> None:
    bench = Bench(load_workspace(root), "shop")
    at = ("unified", "m", "things", "list")
    changes = (Change((*at, "response_mapping"), DROPPED), Change((*at, "response_mapping", "id"), DROPPED))
    verdict = bench.verdict(Mutant("drop_field", "both dropped", "m", None, changes))
    assert (verdict.applicable, verdict.killed) == (False, False)
    whole = Score("shop", (verdict, *(bench.verdict(mutant) for mutant in bench.mutants()[:4])))
    assert (len(whole.tried), whole.inapplicable) == (4, [verdict])
    assert whole.percent == 100.0
    text = report.draw_text([whole], None)
    assert "shop: 4 of 4 mistakes caught (100.0%), 1 not applicable" in text
    assert "m  not applicable: drop_field: both dropped" in text
    data = MutationReport.from_scores([whole]).data()["connectors"][0]
    assert (data["mutants"], [row["change"] for row in data["not_applicable"]]) == (4, ["both dropped"])
    assert "both dropped" in report.draw_markdown([whole], 95)
    assert "left out: base URLs; logins" in text and "Left out: base URLs; " in report.draw_markdown([whole], 95)
    assert "base URLs" in MutationReport.from_scores([whole]).data()["left_out"]


def test_mistakes_in_requests() -> None:
    at = ("resources", "things", "make")
    operation = {
        "method": "PATCH",
        "path": "/things/{{id}}",
        "query": {"fields": "{{ $join(['a', 'b'], ',') }}", "n": 1, "tags": ["x", "y"]},
        "body": {"on": "{{context.on}}", "words": ["x"]},
    }
    place = ".".join(at)
    assert made("request", at, operation) == [
        ("method PATCH -> put", f"{place}.method", "put"),
        ("path /things/{{id}} -> /things/{{id}}_x", f"{place}.path", "/things/{{id}}_x"),
    ]
    assert made("query", at, operation) == [
        ("query parameter fields dropped", f"{place}.query.fields", DROPPED),
        ("fields: 'a' -> 'ax'", f"{place}.query.fields", "{{ $join(['ax', 'b'], ',') }}"),
        ("fields: 'b' -> 'bx'", f"{place}.query.fields", "{{ $join(['a', 'bx'], ',') }}"),
        ("fields: ',' -> ',x'", f"{place}.query.fields", "{{ $join(['a', 'b'], ',x') }}"),
        ("query parameter n dropped", f"{place}.query.n", DROPPED),
        ("n: 1 -> 2", f"{place}.query.n", 2),
        ("query parameter tags dropped", f"{place}.query.tags", DROPPED),
        ("tags: item 1 dropped", f"{place}.query.tags.0", DROPPED),
        ("tags: item 2 dropped", f"{place}.query.tags.1", DROPPED),
    ]
    assert made("header", (), RULES) == [
        ("header X-Version dropped", "headers.X-Version", DROPPED),
        ("X-Version: 7 -> 7_x", "headers.X-Version", "7_x"),
        ("header X-Tenant dropped", "headers.X-Tenant", DROPPED),
        ("X-Tenant: {{context.tenant}} -> {{context.tenant}}_x", "headers.X-Tenant", "{{context.tenant}}_x"),
        ("header X-Api-Key dropped", "headers.X-Api-Key", DROPPED),
    ]
    assert made("body", at, operation) == [
        ("on of the body dropped", f"{place}.body.on", DROPPED),
        ("{{context.on}} -> {{context.on}}_x", f"{place}.body.on", "{{context.on}}_x"),
        ("0 of the body dropped", f"{place}.body.words.0", DROPPED),
        ("x -> x_x", f"{place}.body.words.0", "x_x"),
    ]


def test_a_shared_line_is_one_mutant_of_every_operation(root: Path) -> None:
    bench = Bench(load_workspace(root), "shop")
    dropped = [mutant for mutant in bench.mutants() if mutant.text == "name dropped"]
    assert [len(mutant.changes) for mutant in dropped] == [2]
    assert dropped[0].span is not None
    assert (dropped[0].span.file, dropped[0].span.line) == ("connectors/shop/unified/m.yaml", 6)


def test_a_mapping_of_a_resource_is_one_mutant_that_each_operation_may_notice(root: Path) -> None:
    path = root / "connectors/shop/unified/m.yaml"
    lines = UNIFIED.splitlines()
    shared = [line[2:] for line in lines[3:8]]
    shared[0] = shared[0].replace(" &thing", "")
    path.write_text("\n".join([*lines[:2], *shared, "    list: {}", "    get: {}"]), encoding="utf-8")
    bench = Bench(load_workspace(root), "shop")
    (dropped,) = [mutant for mutant in bench.mutants() if mutant.text == "name dropped"]
    assert (dropped.path, len(dropped.changes)) == ("m.things.response_mapping.name", 1)
    assert bench.verdict(dropped).killed and bench.verdict(dropped).operation == "m.things.list"


def test_mistakes_in_what_deliveries_are(root: Path) -> None:
    """Recorded deliveries notice them, and nothing else is tried on them."""
    ours = "  verify: {format: token, config: {token: headers.token, key: '{{hook_secret}}'}}\n"
    told = "  events: {type: item.kind, record: item.thing, record_id: item.thing.id, occurred_at: item.at}\n"
    with (root / "connectors/shop/connector.yaml").open("a", encoding="utf-8") as file:
        file.write(f"fields: [{{name: hook_secret, secret: true, required: false}}]\nwebhooks:\n{ours}{told}")
    with (root / "connectors/shop/unified/m.yaml").open("a", encoding="utf-8") as file:
        file.write("    events:\n      created: {when: event.type = 'made', method: list}\n")
    body = json.dumps({"kind": "made", "at": 1760000000, "thing": thing(5, size=3)})
    delivery = {
        "format": 1, "source": "sample", "received_at": "2026-01-01T00:00:00Z", "url": "https://hooks.example.com/in",
        "headers": [["content-type", "application/json"], ["token", "s"]], "body": body,
        "secrets": {"hook_secret": "s"},
    }  # fmt: skip
    (root / "connectors/shop/deliveries").mkdir()
    (root / "connectors/shop/deliveries/made.json").write_text(json.dumps(delivery), encoding="utf-8")
    keep_deliveries(root)
    found = {text: killed for (kind, text), killed in verdicts(root).items() if kind == "webhook"}
    assert found == {
        "type: item.kind -> item.kind_x": True,
        "record: item.thing -> item.thing_x": True,
        "record_id: item.thing.id -> item.thing.id_x": False,  # nothing that is delivered has it
        "occurred_at: item.at -> item.at_x": True,
        "event created dropped": True,
        "'made' -> 'madex'": True,
        "= -> !=": True,
        "type -> a missing field": True,
    }


def keep_deliveries(root: Path) -> None:
    from conn_engine.testing.deliveries.cases import delivery_document, find_deliveries
    from conn_engine.testing.deliveries.replaying import replay_delivery

    workspace = load_workspace(root)
    effective = workspace.effective(account=None, connector="shop")
    for case in find_deliveries(workspace, effective):
        case.base_golden.parent.mkdir(parents=True, exist_ok=True)
        case.base_golden.write_text(delivery_document(replay_delivery(effective, case.delivery)), encoding="utf-8")


def test_an_operation_without_pagination_has_none_to_lose(root: Path) -> None:
    path = root / "connectors/shop/connector.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace('{{id}}"}', '{{id}}", pagination: {format: none}}'))
    lost = [mutant.path for mutant in Bench(load_workspace(root), "shop").mutants() if mutant.text == "no pagination"]
    assert lost == ["pagination"]


LARGEST = "size: 9, max_size: 9"
LIMITED = ("list:\n", "list:\n      query_mapping: {n: query.limit}\n")


@pytest.mark.parametrize(
    ("paging", "unified", "places"),
    [
        (f"size_param: n, {LARGEST}", ("", ""), ["max_size", "size_param"]),  # 10 would be reduced to 9
        ("size_param: n, size: 8, max_size: 9", ("", ""), ["max_size", "size", "size_param"]),
        (f"size_param: n, {LARGEST}, stop: page.size = 8", ("", ""), ["max_size", "size", "size_param"]),
        (LARGEST, ("", ""), ["max_size", "size"]),
        ("size_param: n", ("", ""), []),  # no request has a size
        ("size_param: n", LIMITED, ["size_param"]),
        ("size_param: view", ("", ""), ["size_param"]),  # which the query of the operation has
        ("size_header: x-n, max_size: 9", ("", ""), ["max_size"]),
    ],
)
def test_a_page_size_that_changes_nothing_is_no_mistake(
    root: Path, paging: str, unified: tuple[str, str], places: list[str]
) -> None:
    for name, text in (
        ("connector.yaml", CONNECTOR.replace("page_param: p,", f"page_param: p, {paging},")),
        ("unified/m.yaml", UNIFIED.replace(*unified, 1)),
    ):
        (root / "connectors/shop" / name).write_text(text, encoding="utf-8")
    effective = load_workspace(root).effective(account=None, connector="shop")
    found = {mutant.path.rpartition(".")[2] for mutant in create_mutants(effective)}
    assert sorted(name for name in found if "size" in name) == places


def test_a_mistake_that_no_case_runs_survives(root: Path) -> None:
    (root / "connectors/shop/recordings/m.things.get.json").unlink()
    assert verdicts(root)["error_rule", "rule dropped: status = 404"] is False


def test_red_tests_cannot_be_scored(root: Path) -> None:
    golden = root / "connectors/shop/expected/m.things.list.json"
    golden.write_text(golden.read_text(encoding="utf-8").replace('"n1"', '"n0"'), encoding="utf-8")
    with pytest.raises(ConfigurationError, match="fails on"):
        Bench(load_workspace(root), "shop")


def test_the_original_is_left_alone(root: Path) -> None:
    bench = Bench(load_workspace(root), "shop")
    before = json.dumps(bench.effective.data)
    mutants: list[Mutant] = bench.mutants()
    for mutant in mutants:
        assert json.dumps(mutant.apply(bench.effective).data) != before, mutant
    assert json.dumps(bench.effective.data) == before


def test_edits() -> None:
    data = {"a": [{"b": 1}, 2], "c": {"d": None}}
    assert replace_value(data, ("a", 0, "b"), 5) == {"a": [{"b": 5}, 2], "c": {"d": None}}
    assert replace_value(data, ("a", 0), DROPPED) == {"a": [2], "c": {"d": None}}
    assert replace_value(data, ("c", "d"), DROPPED) == {"a": [{"b": 1}, 2], "c": {}}
    assert [row[3] for row in change_literals("x = 'a' and true ? 1 : 1.5")] == [
        "x = 'ax' and true ? 1 : 1.5", "x = 'a' and false ? 1 : 1.5", "x = 'a' and true ? 2 : 1.5",
        "x = 'a' and true ? 1 : 1.51",
    ]  # fmt: skip
    assert [row[1] for row in change_paths("$f(a.b.`c d`) & x.$g()")] == ["b", "`c d`"]
    assert list(change_literals("not (an expression")) == []
