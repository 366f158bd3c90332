"""Which paths, URLs and verifications are found at fault, and which are not."""

import json

import pytest

from conn_engine.lint import lint_paths

LIST = {"method": "get", "path": "/things", "response_path": "items"}


def found(folder, conn="version: 1\n", operations=None, **connector):
    """Code, path and fix of each finding of a connector."""
    data = {"base_url": "https://api.example.com", "resources": {"things": operations or {"list": LIST}}, **connector}
    path = folder / "connectors" / "shop" / "connector.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(data))
    (folder / "conn.yaml").write_text(conn)
    return [(finding.code, finding.path, finding.hint) for finding in lint_paths(folder, []).findings]


@pytest.mark.parametrize("path", ["/things/{id}", "/boards/{board_id}/things/{{id}}", "/{{context.x}}/a-{id}.json"])
def test_single_braces_are_sent_as_they_are(tmp_path, path):
    name = "board_id" if "board" in path else "id"
    rows = found(tmp_path, operations={"get": {"method": "get", "path": path}})
    assert rows == [("CFG130", "resources.things.get.path", f"write {{{{{name}}}}}")]


@pytest.mark.parametrize("path", ["/things/{{id}}", '/things/{{ {"a": {"b": id}}.a.b }}', "/a{{id}}{{params.x}}"])
def test_templates_are_no_single_braces(tmp_path, path):
    assert found(tmp_path, operations={"get": {"method": "get", "path": path}}) == []


def test_the_place_of_a_credential_is_none(tmp_path):
    rows = found(
        tmp_path,
        base_url="https://api.example.com/bot{token}",
        credentials={"format": "api_key"},
        authorization={"format": "path", "config": {"name": "token"}},
    )
    assert [code for code, *_ in rows if code == "CFG130"] == []


def test_a_token_url_has_templates_too(tmp_path):
    credentials = {"format": "oauth2_client_credentials", "config": {"token_url": "https://example.com/{tenant}/token"}}
    rows = found(tmp_path, credentials=credentials, authorization={"format": "bearer"})
    assert ("CFG130", "credentials.config.token_url", "write {{tenant}}") in rows


@pytest.mark.parametrize(
    "url", ["http://api.example.com/v1", "http://203.0.114.7", "http://{{context.region}}.example.com"]
)
def test_a_public_host_without_tls(tmp_path, url):
    [(code, path, hint)] = found(tmp_path, base_url=url)
    assert (code, path) == ("SEC130", "base_url")
    assert "https://" in hint


@pytest.mark.parametrize(
    "url",
    ["http://localhost:8080", "http://10.1.2.3/v1", "http://kinto:8888", "http://printer.local", "https://example.com"],
)
def test_hosts_that_are_not_public_may_go_without(tmp_path, url):
    assert [code for code, *_ in found(tmp_path, base_url=url) if code == "SEC130"] == []


def test_conn_yaml_can_confirm_it(tmp_path):
    conn = 'trusted_hosts: ["http://data.example.com"]\n'
    assert found(tmp_path, conn, base_url="http://data.example.com") == []


@pytest.mark.parametrize(
    ("url", "entry"),
    [
        ("http://127.0.0.1:8080/v1", "127.0.0.1:8080"),
        ("https://10.1.2.3/{{context.shop}}", "10.1.2.3"),
        ("http://db.internal", "http://db.internal"),
    ],
)
def test_an_internal_host_needs_an_entry_in_conn_yaml(tmp_path, url, entry):
    fix = f'if it is meant to be internal, add "{entry}" to trusted_hosts in conn.yaml'
    assert ("SEC131", "base_url", fix) in found(tmp_path / "refused", base_url=url)
    conn = json.dumps({"version": 1, "trusted_hosts": [entry]})
    assert "SEC131" not in [code for code, *_ in found(tmp_path / "trusted", conn, base_url=url)]


def test_any_url_that_is_sent_to_is_judged_and_no_template(tmp_path):
    config = {"token_url": "https://192.168.0.1/token", "authorize_url": "https://192.168.0.1/consent"}
    operations = {"list": {**LIST, "base_url": "http://{{context.host}}:8080"}}
    rows = found(tmp_path, operations=operations, credentials={"format": "oauth2", "config": config})
    assert [path for code, path, _ in rows if code == "SEC131"] == ["credentials.config.token_url"]


OPERATIONS = {
    "get": {"method": "get", "path": "/things/{{id}}"},
    "part": {"method": "get", "path": "/things", "query": {"q": "{{params.q}}"}},
    "list": LIST,
    "own": {"method": "get", "path": "/{{context.shop}}/me", "query": {"n": "{{query.limit ? query.limit : 1}}"}},
}


@pytest.mark.parametrize(("name", "needs"), [("get", "id"), ("part", "q")])
@pytest.mark.parametrize("form", [str, lambda name: {"operation": name}])
def test_verify_has_no_caller(tmp_path, name, needs, form):
    [(code, path, hint)] = found(tmp_path, operations=OPERATIONS, verify=form(f"things.{name}"))
    assert (code, path.partition(".")[0]) == ("REF130", "verify")
    assert hint == "name an operation that needs no value, such as things.list"


@pytest.mark.parametrize("name", ["list", "own"])
def test_verify_of_what_needs_no_caller(tmp_path, name):
    assert found(tmp_path, operations=OPERATIONS, verify=f"things.{name}") == []
