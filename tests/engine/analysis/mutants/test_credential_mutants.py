"""Mistakes in where a credential goes, in hosts and in patterns: recorded tests notice each of them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from conn_engine.analysis.mutants import LEFT_OUT, Bench
from conn_engine.analysis.mutants.credentials import mutate_credentials
from conn_engine.analysis.mutants.edits import DROPPED, change_globs, change_operators, narrow_glob, widen_glob
from conn_engine.analysis.mutants.settings import mutate_operation
from conn_engine.config import load_workspace
from conn_engine.secrets import Redactor
from conn_engine.testing.goldens import update_golden
from conn_engine.testing.suite import Selection, run_suite

Shop = Callable[..., Path]
RESOURCES = "resources: {things: {list: {method: post, path: /things, body: {all: true}}}}\n"


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    """`shop(settings)`: a workspace with a recorded list whose golden its own engine wrote."""

    def build(settings: str, query: dict[str, str] | None = None, **body: str) -> Path:
        request = {"method": "POST", "url": "https://eu.shop.example/things", "query": query or {}}
        recording = {
            "format": 1, "connector": "shop", "operation": "things.list", "source": "sample",
            "base_url": "https://eu.shop.example", "recorded_at": "2026-01-01T00:00:00Z",
            "exchanges": [
                {"request": {**request, "body": {"all": True, **body}}, "response": {"status": 200, "body": []}}
            ],
        }  # fmt: skip
        files = {
            "conn.yaml": "version: 1\n",
            "connectors/shop/connector.yaml": f"base_url: https://eu.shop.example\n{settings}\n"
            + ("" if "resources:" in settings else RESOURCES),
            "connectors/shop/recordings/things.list.json": json.dumps(recording),
        }
        for name, text in files.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text, encoding="utf-8")
        (tmp_path / "connectors/shop/expected/things.list.json").unlink(missing_ok=True)
        for report in run_suite(load_workspace(tmp_path), Selection()):
            assert not report.failed
            for judgement in report.judgements:
                update_golden(judgement, Redactor())
        return tmp_path

    return build


def verdicts(root: Path, kind: str = "authorization") -> dict[str, bool]:
    bench = Bench(load_workspace(root), "shop")
    return {mutant.text: bench.verdict(mutant).killed for mutant in bench.mutants() if mutant.kind == kind}


KEY = "credentials: { format: api_key }\nauthorization:"


def test_a_header_in_another_place_or_with_another_text_is_noticed(shop: Shop) -> None:
    assert verdicts(shop(f"{KEY} {{ format: header, config: {{ name: X-Key, value: 'Key {{{{api_key}}}}' }} }}")) == {
        "no authorization": True,
        "header -> query": True,
        "name: X-Key -> X-Key_x": True,
        "value: Key {{api_key}} -> Key {{api_key}}_x": True,
    }


def test_mistakes_in_what_is_not_written_but_the_default_are_noticed(shop: Shop) -> None:
    assert verdicts(shop(f"{KEY} {{ format: bearer }}")) == {
        "no authorization": True,
        "bearer -> query": True,
        "header: Authorization -> Authorization_x": True,
        "prefix: Bearer -> Bearer_x": True,
    }
    basic = "credentials: { format: basic }\nauthorization: { format: basic, config: { password: '{{password}}' } }"
    assert verdicts(shop(basic)) == {
        "no authorization": True,
        "username: {{username}} -> {{username}}_x": True,
        "password: {{password}} -> {{password}}_x": True,
    }


def test_mistakes_in_what_follows_from_the_credentials_are_noticed(shop: Shop) -> None:
    assert verdicts(shop("credentials: bearer")) == {
        "no authorization": True,
        "bearer -> query": True,
        "header: Authorization -> Authorization_x": True,
        "prefix: Bearer -> Bearer_x": True,
    }
    assert not verdicts(shop("credentials: api_key"))
    implied = "resources: { things: { path: /things, list: { method: post, body: { all: true } } } }"
    assert verdicts(shop(f"credentials: bearer\n{implied}"), "request") == {
        "method post -> put": True,
        "path /things -> /things_x": True,
    }


def test_mistakes_in_the_query_a_cookie_and_the_body_are_noticed(shop: Shop) -> None:
    query = f"{KEY} {{ format: query, config: {{ name: api_key }} }}"
    assert verdicts(shop(query, query={"api_key": "[redacted]"})) == {
        "no authorization": True,
        "query -> header": True,
        "name: api_key -> api_key_x": True,
        "value: {{api_key}} -> {{api_key}}_x": True,
    }
    assert verdicts(shop(f"{KEY} {{ format: cookie, config: {{ name: SID, value: '{{{{api_key}}}}' }} }}")) == {
        "no authorization": True,
        "cookie -> header": True,
        "name: SID -> SID_x": True,
        "value: {{api_key}} -> {{api_key}}_x": True,
    }
    body = f"{KEY} {{ format: body, config: {{ field: api_key }} }}"
    assert verdicts(shop(body, api_key="[redacted]")) == {
        "no authorization": True,
        "field: api_key -> api_key_x": True,
        "value: {{api_key}} -> {{api_key}}_x": True,
    }


def test_mistakes_in_each_of_several_and_in_an_expression_are_noticed(shop: Shop) -> None:
    first = "{ format: header, config: { headers: { X-Key: '{{api_key}}', X-App: 'app-{{api_key}}' } } }"
    second = "{ format: expression, config: { expression: \"{'headers': {'X-Sum': 'v1=' & api_key}}\" } }"
    found = verdicts(shop(f"{KEY} {{ format: several, config: {{ all: [{first}, {second}] }} }}"))
    assert found.keys() == {
        "no authorization",
        "headers: X-Key -> X-Key_x",
        "headers: X-App -> X-App_x",
        "X-Key: {{api_key}} -> {{api_key}}_x",
        "X-App: app-{{api_key}} -> app-{{api_key}}_x",
        "expression: 'headers' -> 'headersx'",
        "expression: 'X-Sum' -> 'X-Sumx'",
        "expression: 'v1=' -> 'v1=x'",
    }
    assert all(found.values())


@pytest.mark.parametrize(
    ("by", "mistakes"),
    [
        ("$exists(api_key) ? 'key' : 'token'", {"by: 'key' -> 'keyx'": True, "by: 'token' -> 'tokenx'": False}),
        ("context.login", {"by: context.login -> context.login_x": False}),  # no account of a recording has a context
    ],
)
def test_the_expression_of_a_choice_is_tried_but_not_its_default(
    shop: Shop, by: str, mistakes: dict[str, bool]
) -> None:
    options = "{ key: { format: header, config: { name: X-Key } }, token: { format: bearer } }"
    found = verdicts(shop(f'{KEY} {{ format: choice, config: {{ by: "{by}", options: {options}, default: key }} }}'))
    assert {text: killed for text, killed in found.items() if text.startswith(("by: ", "default: "))} == mistakes
    assert found["name: X-Key -> X-Key_x"]


def test_the_names_of_a_signature_are_tried(shop: Shop) -> None:
    config = "{ content: request.url, headers: { X-Sig: '{{signature}}', X-Time: '{{timestamp}}' } }"
    assert verdicts(shop(f"credentials: {{ format: api_key }}\nsignature: {{ format: hmac, config: {config} }}")) == {
        "no signature": True,
        "headers: X-Sig -> X-Sig_x": True,
        "headers: X-Time -> X-Time_x": True,
    }
    settings = {"signature": {"format": "hmac", "config": {"query": {"sig": "{{signature}}", "t": "1"}}}}
    assert [(text, change.value) for _, text, change, _ in mutate_credentials((), settings)][1:] == [
        ("query: sig -> sig_x", {"sig_x": "{{signature}}", "t": "1"}),
        ("query: t -> t_x", {"sig": "{{signature}}", "t_x": "1"}),
    ]


def test_a_place_that_the_tests_do_not_see_survives(shop: Shop) -> None:
    root = shop(f"{KEY} {{ format: bearer }}")
    golden = root / "connectors/shop/expected/things.list.json"
    data = json.loads(golden.read_text(encoding="utf-8"))
    del data["requests"][0]["credentials"]
    golden.write_text(json.dumps(data), encoding="utf-8")
    assert verdicts(root)["header: Authorization -> Authorization_x"] is False


def test_hosts_that_are_missing_or_fit_less_are_noticed(shop: Shop) -> None:
    hosts = 'hosts: ["*.shop.example", "*.other.example"]\n'
    assert verdicts(shop(f"{hosts}{KEY} {{ format: bearer }}"), "host") == {
        "host *.shop.example dropped": True,
        "host *.shop.example -> x.shop.example": True,
        "host *.other.example dropped": False,  # nothing recorded goes there
        "host *.other.example -> x.other.example": False,
    }
    assert "hosts that allow more" in LEFT_OUT


def test_patterns_fit_less_and_more() -> None:
    assert [row[2] for row in change_globs("$omit(a, ['hs_*', \"/b/**/c_*\", 'no'])")] == [
        "'hs_x'", "'*'", '"/b/*/c_*"', '"/b/**/*"',
    ]  # fmt: skip
    assert [row[3] for row in change_globs("a.*.b + c * d")] == ["a.`not there`.b + c * d"]
    assert [row[3] for row in change_globs("**.b")] == ["*.b"]
    assert [row[3] for row in change_operators("a.*.b * c")] == ["a.*.b / c"]
    assert (narrow_glob("plain"), widen_glob("plain"), widen_glob("*")) == ("plain", "plain", "*")
    members: dict[str, Any] = {"response_options": {"unpack": "zip", "members": "*.csv"}}
    rows = [(text, change.path) for kind, text, change, _ in mutate_operation((), members, {}) if kind == "glob"]
    assert rows == [
        ("*.csv -> x.csv", ("response_options", "members")),
        ("*.csv -> *", ("response_options", "members")),
    ]


def test_no_authorization_has_none_to_lose() -> None:
    assert list(mutate_credentials((), {"authorization": {"format": "none"}, "signature": {"format": "none"}})) == []
    [row] = mutate_credentials(("resources",), {"signature": {"format": "aws_sigv4"}})
    assert (row[2].path, row[2].value is DROPPED) == (("resources", "signature"), False)
