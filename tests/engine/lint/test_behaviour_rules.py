"""Which paginations and error rules are found at fault, and which are not."""

from pathlib import Path
from typing import Any

import pytest

from conn_engine.lint import lint_paths
from conn_engine.lint.statuses import STATUSES, find_certain_statuses, find_possible_statuses
from conn_engine.wire import MACHINE_CLOCK, Clock, FrozenClock

CONNECTOR: dict[str, Any] = {
    "base_url": "https://api.example.com",
    "credentials": {"format": "api_key"},
    "authorization": {"format": "header", "config": {"name": "X-Key", "value": "{{api_key}}"}},
}
LIST: dict[str, Any] = {"method": "get", "path": "/things", "response_path": "items"}


def found(
    folder: Path, connector: dict[str, Any] | None = None, clock: Clock = MACHINE_CLOCK, **operations: dict[str, Any]
) -> list[tuple[str, str]]:
    """Code and path of each finding."""
    import json

    path = folder / "connectors" / "shop" / "connector.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    data = {**CONNECTOR, **(connector or {}), "resources": {"things": operations or {"list": LIST}}}
    path.write_text(json.dumps(data))
    (folder / "conn.yaml").write_text("version: 1\n")
    return [(finding.code, finding.path) for finding in lint_paths(folder, [], clock).findings]


def paged(format: str, **config: Any) -> dict[str, Any]:  # noqa: A002
    return {"pagination": {"format": format, "config": config}}


@pytest.mark.parametrize(
    ("operation", "code"),
    [
        (paged("page"), None),
        (paged("page", has_more="true"), "PAG101"),
        (paged("page", has_more="1 = 1"), "PAG101"),
        (paged("page", has_more="body.more"), None),
        (paged("page", has_more="true", stop="$count(records) = 0"), None),
        (paged("page", has_more="$random() > 0.5"), None),
        (paged("page", next_page="2"), "PAG101"),
        (paged("page", next_page="body.next"), None),
        (paged("cursor", next_cursor="'abc'", cursor_param="c"), "PAG101"),
        (paged("cursor", next_cursor="null", cursor_param="c"), None),
        (paged("cursor", next_cursor="records[-1].id", cursor_param="c"), None),
        (paged("cursor", cursor_field="next", has_more="true"), None),
        (paged("cursor", next_cursor="'abc'", cursor_param="c", stop="false"), "PAG101"),
        (paged("cursor", next_cursor="'abc'", cursor_param="c", stop="body.done"), None),
        (paged("page", has_more="true", stop="1 = 2"), "PAG101"),
        (paged("dynamic", next='{"page": 2}', send='{"query": state}'), "PAG101"),
        (paged("dynamic", next="body.next", send='{"query": state}'), None),
        (paged("next_url", next_url="'/things?page=2'"), "PAG101"),
        (paged("next_url", next_url="'/things?page=' & body.next"), None),
        (paged("offset", next_offset="100"), "PAG101"),
        ({"response_format": "text", "response_path": None, **paged("page")}, "PAG101"),
        ({"response_format": "text", "response_path": None, **paged("page", stop="body = 'end'")}, None),
        (paged("cursor", cursor_field="next", cursor_body="/after"), "PAG102"),
        (paged("cursor", cursor_field="next", cursor_form="after"), "PAG102"),
        (paged("page", page_body="/page"), "PAG102"),
        ({"body": {"q": 1}, **paged("page", page_body="/page")}, None),
        ({"method": "post", "writes": False, **paged("page", page_body="/page")}, None),
        (paged("page", page_param=""), "PAG102"),
        ({"query": {"p": "{{page.number - 1}}"}, **paged("page", page_param="")}, None),
        ({"query": {"c": "{{page.cursor}}"}, **paged("cursor", cursor_field="n", cursor_param="")}, None),
        (paged("dynamic", next="body.next"), "PAG102"),
        (paged("page", size=50), "PAG102"),
        ({"query": {"n": "{{page.size}}"}, **paged("page", size=50)}, None),
        (paged("page", size=50, size_param="n"), None),
        (paged("offset", size=50), None),
        (paged("page", size=500, size_param="n", max_size=100), "PAG103"),
        (paged("page", size=100, size_param="n", max_size=100), None),
        ({"query": {"n": 500}, **paged("page", size_param="n", max_size=100)}, "PAG103"),
        ({"query": {"n": "{{query.limit}}"}, **paged("page", size_param="n", max_size=100)}, None),
        (paged("range", size=25), None),
        (paged("page", size=50, full_pages="size"), None),
        (paged("range", size=25, full_pages="size"), None),
        (paged("page", full_pages="size"), "PAG105"),
        (paged("page", size_param="n", full_pages="size"), "PAG105"),
        (paged("cursor", cursor_field="next", size_param="n", full_pages="size"), "PAG105"),
        ({"query": {"n": "{{query.limit}}"}, **paged("page", size_param="n", full_pages="size")}, None),
        ({"headers": {"N": 5}, **paged("page", size_header="n", full_pages="size")}, None),
        (paged("cursor", next_cursor="'abc'", cursor_param="c", size=5, size_param="n", full_pages="size"), None),
        (paged("page", has_more="true", size=5, size_param="n", full_pages="size"), "PAG101"),
        (paged("link_header"), None),
        (
            paged(
                "nested",
                outer={"format": "page", "config": {"has_more": "true"}},
                inner={"format": "cursor", "config": {"cursor_field": "next"}},
            ),
            "PAG101",
        ),
    ],
)  # fmt: skip
def test_pagination(tmp_path: Path, operation: dict[str, Any], code: str | None) -> None:
    entry = {key: value for key, value in {**LIST, **operation}.items() if value is not None}
    assert [got for got, _ in found(tmp_path, list=entry)] == ([] if code is None else [code])


def test_what_is_inherited_is_at_fault_only_for_all(tmp_path: Path) -> None:
    body = paged("cursor", cursor_field="next", cursor_body="/after")
    search = {**LIST, "method": "post", "writes": False, "path": "/search"}
    assert found(tmp_path, body, list=LIST, search=search) == []
    assert found(tmp_path, body, list=LIST, other={**LIST, "path": "/others"}) == [
        ("PAG102", "pagination.config.cursor_body")
    ]
    assert found(tmp_path, body, get={**LIST, "path": "/things/{{id}}"}, add={**LIST, "method": "post"}) == []


@pytest.mark.parametrize(
    ("conditions", "dead"),
    [
        (["status = 404"], []),
        (["status = '404'"], [0]),
        (["status = 600", "status >= 500"], [0]),
        (["status = 999"], []),
        (["status = 404 and status = 403"], [0]),
        (["status > 500 and status < 400 and body.x"], [0]),
        (["true", "status = 404"], [1]),
        (["status >= 400", "status = 404 and body.code = 7"], [1]),
        (["status = 404 and body.code = 7", "status >= 400"], []),
        (["status >= 400 and body.x", "status = 404"], []),
        (["status = 400 or status = 404", "status = 404"], [1]),
        (["status < 300", "status >= 300", "body.ok = false"], [2]),
        (["body.ok = false", "body.ok = false"], [1]),
        (["true", "fault = 'reset'"], []),
        (["status in [404, 410]", "status = 410"], [1]),
        (["$contains(text, 'x')", "$match(text, /and/)"], []),
        (["status = 404 and $exists(body.a ? body.b : body.c)"], []),
        (["false"], [0]),
    ],
)
def test_rules_that_never_hold(tmp_path: Path, conditions: list[str], dead: list[int]) -> None:
    rules = [{"when": condition, "then": "empty"} for condition in conditions]
    assert found(tmp_path, {"errors": rules}) == [("ERR101", f"errors[{at}].when") for at in dead]
    own = {**LIST, "errors": rules}
    assert [path for _, path in found(tmp_path, list=own)] == [
        f"resources.things.list.errors[{at}].when" for at in dead
    ]


def test_the_sets_of_statuses() -> None:
    assert find_possible_statuses("status = 404 and body.code = 7") == {404}
    assert find_certain_statuses("status = 404 and body.code = 7") == frozenset()
    assert find_certain_statuses("status = 404 or status = 410") == {404, 410}
    assert find_possible_statuses("body.a or status = 404") == STATUSES
    assert find_possible_statuses("(status = 404 and status = 403)") == frozenset()
    assert find_possible_statuses("$number(status) + ") == STATUSES


@pytest.mark.parametrize("then", ["retry", {"retry": {"times": 3}}])
def test_retries_of_writes(tmp_path: Path, then: Any) -> None:
    rules = {"errors": [{"when": "status = 503", "then": then}]}
    write = {**LIST, "method": "post", **rules}
    assert found(tmp_path, add=write) == [("ERR102", "resources.things.add.errors[0].then")]
    for fine in ({"method": "put"}, {"idempotent": True}, {"method": "get"}):
        assert found(tmp_path, add={**write, **fine}) == []
    assert found(tmp_path, rules, add={**LIST, "method": "post"}, list=LIST) == [], "reads inherit it too"


def test_retries_that_a_resource_of_writes_inherits(tmp_path: Path) -> None:
    rules = [{"when": "status = 503", "then": "retry"}]
    add = {**LIST, "method": "post"}
    assert found(tmp_path, add=add, errors=rules) == [("ERR102", "resources.things.errors[0].then")]
    assert found(tmp_path, add=add, list=LIST, errors=rules) == [], "a read inherits it too"
    assert found(tmp_path, add={**add, "idempotent": True}, errors=rules) == []


def test_credentials_in_urls(tmp_path: Path) -> None:
    query = {"authorization": {"format": "query", "config": {"name": "key"}}}
    assert found(tmp_path, query) == [], "the vendor may take its key nowhere else"
    query["authorization"]["config"]["value"] = "{{oauth.token.access_token}}"
    bearer = {**query, "credentials": {"format": "oauth2_client_credentials", "config": {"token_url": "https://a.b/c"}}}
    assert found(tmp_path, bearer) == [("SEC102", "authorization.format")]
    for place in ({"path": "/bot{{context.access_token}}/x"}, {"query": {"k": "{{context.api_key}}"}}):
        ((code, path),) = found(tmp_path, list={**LIST, **place})
        assert (code, path.partition("list.")[2] in ("path", "query.k")) == ("SEC102", True)
    assert found(tmp_path, list={**LIST, "path": "/{{context.region}}", "query": {"t": "{{query.token}}"}}) == []


@pytest.mark.parametrize(
    ("sunset", "code", "words"),
    [
        ("2020-01-31", "DEP101", "its sunset was 2020-01-31"),
        ("2020-01-31T12:00:00Z", "DEP101", "its sunset was 2020-01-31"),
        ("Fri, 31 Jan 2020 00:00:00 GMT", "DEP101", "its sunset was 2020-01-31"),
        ("2024-02-28", "DEP101", "its sunset was 2024-02-28"),
        ("2024-02-29", "DEP101", "its sunset was 2024-02-29"),
        ("2024-03-01", "DEP102", "in 1 day, from 2024-03-01"),
        ("Sat, 30 Mar 2024 00:00:00 GMT", "DEP102", "in 30 days, from 2024-03-30"),
        ("some day", "", ""),
    ],
)
def test_sunsets(tmp_path: Path, sunset: str, code: str, words: str) -> None:
    operation = {**LIST, "deprecated": {"sunset": sunset, "use": "things.search"}}
    clock = FrozenClock(1_709_251_199)  # the last second of 29 February 2024
    codes = found(tmp_path, clock=clock, list=operation)
    findings = lint_paths(tmp_path, [], clock).findings
    assert codes == ([(code, "resources.things.list.deprecated.sunset")] if code else [])
    assert [(f.hint, words in f.message) for f in findings] == ([("use things.search", True)] if code else [])


@pytest.mark.parametrize(
    ("credentials", "authorization", "wrong"),
    [
        ({"format": "bearer"}, {"format": "bearer"}, False),
        ({"format": "basic"}, {"format": "bearer"}, True),
        ({"format": "api_key"}, {"format": "bearer"}, False),
        ({"format": "bearer"}, {"format": "header", "config": {"name": "X", "value": "{{tokn}}"}}, True),
        ({"format": "bearer"}, {"format": "header", "config": {"name": "X", "value": "{{context.none}}"}}, False),
        ({"format": "bearer"}, {"format": "header", "config": {"name": "X", "value": "{{env.NONE}}"}}, False),
        (
            {"format": "bearer", "config": {"ask": [{"name": "app_key", "required": False}]}},
            {"format": "header", "config": {"name": "X", "value": "{{app_key}}"}},
            False,
        ),
        (
            {"format": "session", "config": {"login": {"url": "https://api.example.com/login"}}},
            {"format": "cookie", "config": {"name": "SID"}},
            False,
        ),
        (
            {"format": "session", "config": {"login": {"url": "https://api.example.com/login"}}},
            {"format": "header", "config": {"name": "X-Csrf", "value": "{{session.csrf}}"}},
            False,
        ),
        (
            {"format": "session", "config": {"login": {"url": "https://api.example.com/login"}}},
            {"format": "bearer", "config": {"path": "session.reports"}},
            False,
        ),
    ],
)
def test_what_authorization_reads_is_in_the_credential(tmp_path, credentials, authorization, wrong):
    both = {"credentials": credentials, "authorization": authorization}
    assert found(tmp_path, both) == ([("EXP103", "authorization")] if wrong else [])


def test_a_path_has_a_place_for_its_credential(tmp_path):
    key = {"format": "path", "config": {"name": "key"}}
    settings = {"credentials": {"format": "api_key"}, "authorization": key}
    wrong = [("SEC104", "resources.things.list.path")]
    assert found(tmp_path, settings) == wrong
    assert found(tmp_path, {**settings, "authorization": {"format": "several", "config": {"all": [key]}}}) == wrong
    assert (
        found(tmp_path, settings, list={**LIST, "path": "/{{key}}/things", "parents": {"as": "key", "values": [1]}})
        == wrong
    )
    assert found(tmp_path, settings, list={**LIST, "path": "/bot{key}/things"}) == []
    assert found(tmp_path, {**settings, "base_url": "https://api.example.com/{key}"}) == []
    assert found(tmp_path, settings, list={**LIST, "authorization": {"format": "none"}}) == []


def test_a_token_comes_from_an_endpoint(tmp_path):
    client = {"format": "oauth2_client_credentials"}
    url = {"config": {"token_url": "https://api.example.com/token"}}
    bearer = {"authorization": {"format": "bearer"}}
    assert found(tmp_path, {"credentials": client, **bearer}) == [("SEC106", "credentials")]
    assert found(tmp_path, {"credentials": {**client, "config": {"token_url": ""}}, **bearer}) == [
        ("SEC106", "credentials")
    ]
    assert found(tmp_path, {"credentials": {"format": "oauth2_password"}, **bearer}) == [("SEC106", "credentials")]
    assert found(tmp_path, {"credentials": client | url, **bearer}) == []
    request = {"config": {"request": {"url": "https://api.example.com/own"}}}
    assert found(tmp_path, {"credentials": client | request, **bearer}) == []
    options = {"one": client | url, "other": client}
    choice = {"format": "choice", "config": {"by": "context.way", "options": options}}
    (finding,) = found(tmp_path, {"credentials": choice, **bearer})
    assert finding == ("SEC106", "credentials.config.options.other")
    mtls = {"format": "mtls", "config": {"with": client}}
    assert found(tmp_path, {"credentials": mtls, **bearer}) == [("SEC106", "credentials.config.with")]


def test_what_may_be_left_out_is_in_no_path(tmp_path):
    settings = {
        "credentials": {"format": "api_key", "config": {"required": False}},
        "authorization": {"format": "path", "config": {"name": "key"}},
    }
    there = {**LIST, "path": "/{key}/things"}
    assert found(tmp_path, settings, list=there) == [("SEC105", "authorization")]
    several = {"format": "several", "config": {"all": [settings["authorization"]]}}
    assert found(tmp_path, {**settings, "authorization": several}, list=there) == [("SEC105", "authorization")]
    assert found(tmp_path, {**settings, "credentials": {"format": "api_key"}}, list=there) == []
    beside = {"format": "api_key", "config": {"ask": [{"name": "tenant", "required": False}]}}
    assert found(tmp_path, {**settings, "credentials": beside}, list=there) == []
    for place in ({"format": "header", "config": {"name": "X-Key"}}, {"format": "basic"}, {"format": "bearer"}):
        kind = "basic" if place["format"] == "basic" else "bearer" if place["format"] == "bearer" else "api_key"
        said = {"username_required": False, "password_required": False} if kind == "basic" else {"required": False}
        assert found(tmp_path, {"credentials": {"format": kind, "config": said}, "authorization": place}) == []


def test_a_stored_credential_is_carried_by_somebody(tmp_path):
    assert found(tmp_path, {"authorization": None}) == [("SEC103", "credentials")]
    assert found(tmp_path, {"authorization": {"format": "none"}}) == [], "it is declared"
    assert found(tmp_path, {"authorization": None, "credentials": {"format": "none"}}) == []
    listing = {**LIST, "authorization": {"format": "header", "config": {"name": "X-Key"}}}
    assert found(tmp_path, {"authorization": None}, list=listing) == []
    signed = {"signature": {"format": "hmac", "config": {"content": "'x'", "headers": {"X": "{{signature}}"}}}}
    assert found(tmp_path, {**signed, "authorization": None}) == []


@pytest.mark.parametrize(
    ("text", "unset"),
    [
        ("$base.email", ""),
        ("$bse.email", "$bse"),
        ("($x := response.a; $x & $x)", ""),
        ("$map([response.tags], function($tag, $n) { $tag & $n })", ""),
        ("$map([response.tags], $string)", ""),
        ("response.lines@$line#$i.{'n': $i, 'sku': $line.sku}", ""),
        ("$map([response.tags], function($tag) { $tg })", "$tg"),
        ("$$.response.email & $.response.email", ""),
    ],
)
def test_variables_are_set_by_somebody(tmp_path, text, unset):
    import json

    found(tmp_path, list=LIST)
    mapping = tmp_path / "connectors/shop/unified/crm.yaml"
    mapping.parent.mkdir(parents=True, exist_ok=True)
    operation = {"resource": "things", "response_mapping": {"email": text}}
    mapping.write_text(json.dumps({"resources": {"contacts": {"list": operation}}}))
    said = [finding.message for finding in lint_paths(tmp_path, []).findings if finding.code == "EXP103"]
    assert said == ([f"{unset} is not set"] if unset else [])


def test_a_misspelt_operation_of_an_override_is_told_from_the_model(tmp_path):
    import json

    found(tmp_path, list=LIST)
    files = {
        "connectors/shop/unified/crm.yaml": {
            "resources": {"contacts": {"list": {"resource": "things", "response_mapping": {"id": "response.id"}}}}
        },
        "accounts/acme.yaml": {
            "connector": "shop",
            "override": {"unified": {"crm": {"contact": {"list": {"response_mapping": {"id": "response.uid"}}}}}},
        },
    }
    for name, data in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(json.dumps(data))
    [finding] = [finding for finding in lint_paths(tmp_path, []).findings if finding.code == "REF102"]
    assert (finding.span.file, finding.hint) == ("accounts/acme.yaml", 'did you mean "crm.contacts.list"?')


def test_a_rule_of_an_override_may_come_before_the_same_one_below(tmp_path):
    rule = {"when": "status = 409", "then": "empty"}
    (tmp_path / "accounts").mkdir()
    account = '{"connector": "shop", "override": {"errors": [{"when": "status = 409", "then": "skip"}]}}'
    (tmp_path / "accounts" / "me.json").write_text(account)
    assert found(tmp_path, {"errors": [rule]}) == []
