"""Provider entries: goldens of four, what is told of the rest, templates and hostile ones. The entries are our own.

CONN_WRITE_GOLDENS=1 writes the goldens.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from reading import read_connector

from conn_engine.diagnostics import Severity
from conn_engine.documents import dump_yaml
from conn_engine.errors import ConfigurationError, UsageError
from conn_engine.lint import lint_paths
from conn_import import ImportedConnector, Options, import_source, list_entries, propose_name, read_source
from conn_import.nango.names import Names
from conn_import.nango.templates import UntranslatableText

FOLDER = Path(__file__).parent
FILE = FOLDER / "entries" / "providers.yaml"
KEYS = list_entries(read_source(FILE))
Read = Callable[[dict[str, Any]], ImportedConnector]


def made(key: str, **options: Any) -> ImportedConnector:
    source = read_source(FILE)
    return import_source(source, Options(propose_name(source, key), entry=key, **options))


def data_of(imported: ImportedConnector) -> dict[str, Any]:
    return read_connector(imported.files["connector.yaml"])


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """`read(entry)`: what is made of one entry."""

    def go(entry: dict[str, Any]) -> ImportedConnector:
        path = tmp_path / "entry.yaml"
        path.write_text(dump_yaml({"display_name": "Own", **entry}), encoding="utf-8")
        return import_source(read_source(path), Options("own"))

    return go


@pytest.mark.parametrize("key", ["tidewater-key", "lantern", "sluice", "beacon"])
@pytest.mark.parametrize("name", ["connector.yaml", "README.md"])
def test_the_text_is_as_kept(key: str, name: str) -> None:
    golden = FOLDER / "expected" / key / name
    text = made(key).files[name]
    if os.environ.get("CONN_WRITE_GOLDENS"):
        golden.parent.mkdir(parents=True, exist_ok=True)
        golden.write_text(text, encoding="utf-8")
    assert text == golden.read_text(encoding="utf-8")


def test_every_entry_lints_clean(tmp_path: Path) -> None:
    (tmp_path / "conn.yaml").write_text("version: 1\n")
    for key in KEYS:
        one = made(key)
        one.write(tmp_path / "connectors" / one.name)
    findings = lint_paths(tmp_path, []).findings
    assert [finding for finding in findings if finding.severity >= Severity.WARNING] == []
    assert len(list((tmp_path / "connectors").iterdir())) == len(KEYS) == 13


def test_what_nothing_asks_for_is_listed() -> None:
    assert dict(made("lantern").losses)["unsupported settings"] == ["colour"]
    assert dict(made("novel").losses).keys() == {
        "the auth_mode TELEPATHY: set `credentials` and `authorization` yourself",
        "proxy.headers.x-thought: it uses thought, which the entry does not define",
    }


@pytest.mark.parametrize(
    ("mode", "rows", "config"),
    [
        ("API_KEY", {"apiKey": {"type": "string", "optional": True}}, {"required": False}),
        ("API_KEY", {"apiKey": {"type": "string"}}, {}),
        ("BASIC", {"username": {"optional": "true"}, "password": {"optional": True}},
         {"username_required": False, "password_required": False}),
        ("BASIC", {"username": {}, "password": {}}, {}),
    ],
)  # fmt: skip
def test_a_key_that_may_be_left_out(read: Read, mode: str, rows: dict[str, Any], config: dict[str, Any]) -> None:
    entry = {"auth_mode": mode, "proxy": {"base_url": "https://v.example"}, "credentials": rows}
    assert data_of(read(entry))["credentials"].get("config", {}) == config


def test_an_alias_has_what_it_stands_for() -> None:
    staff = data_of(made("lantern-staff"))
    assert staff["base_url"] == "https://staff.lantern.example" and staff["label"] == "Lantern for staff"
    assert staff["credentials"]["config"]["scopes"] == ["read", "write"]
    lost = dict(made("orphan").losses)
    assert "the settings of nowhere: the entry is an alias of it, but the document does not contain it" in lost


def test_a_client_with_a_certificate() -> None:
    data = data_of(made("vault-door"))
    assert data["credentials"]["format"] == "mtls" and not made("vault-door").losses
    inner = data["credentials"]["config"]["with"]
    assert inner["format"] == "oauth2_client_credentials" and "ask" not in inner["config"]
    assert inner["config"]["token_params"] == {
        "username": "{{client_id}}", "password": "{{client_secret}}", "client_id": None, "client_secret": None,
    }  # fmt: skip


def test_aliases_in_a_ring_end(tmp_path: Path) -> None:
    path = tmp_path / "ring.yaml"
    path.write_text("a: {alias: b, display_name: A}\nb: {alias: a, display_name: B}\n", encoding="utf-8")
    assert data_of(import_source(read_source(path), Options("a", entry="a")))["label"] == "A"


def test_the_only_entry_needs_no_choice_and_several_need_one(read: Read) -> None:
    assert data_of(read({"auth_mode": "NONE", "proxy": {"base_url": "https://own.example"}}))["label"] == "Own"
    with pytest.raises(UsageError, match="the document has 13 entries") as several:
        import_source(read_source(FILE), Options("x"))
    assert "tidewater-key, harbour-basic, lantern" in several.value.hint and "--all" in several.value.hint
    with pytest.raises(UsageError, match='no entry "sluce"') as wrong:
        made("sluce")
    assert wrong.value.hint == 'did you mean "sluice"?'


def test_a_base_url_of_the_callers_own_goes_first() -> None:
    data = data_of(made("orphan", base_url="https://there.example/v2/"))
    assert data["base_url"] == "https://there.example/v2"
    assert not any("base URL" in what for what, _ in made("orphan", base_url="https://there.example").losses)


def test_secrets_never_stand_where_expressions_see_them() -> None:
    for key in KEYS:
        data = data_of(made(key))
        secrets = [name for place, name in made(key).supplied.values() if place == "credential"]
        open_part = dump_yaml({name: data.get(name) for name in ("base_url", "headers", "query", "resources")})
        assert not any(f"{{{{{name}" in open_part for name in secrets), key


def test_what_is_supplied_is_told() -> None:
    assert made("tidewater-key").supplied == {
        "connectionConfig.region": ("context", "region"),
        "connectionConfig.team": ("context", "team"),
        "credentials.apiKey": ("credential", "api_key"),
    }


@pytest.mark.parametrize(
    ("text", "template"),
    [
        ("plain", "plain"),
        ("Bearer ${apiKey}", "Bearer {{api_key}}"),
        ("${credentials.apiKey}", "{{api_key}}"),
        ("a ${base64(${apiKey}:x)} b", "a {{$base64encode(api_key & ':x')}} b"),
        ("${sha256Hex(${base64(${apiKey})})}", "{{$digest($base64encode(api_key), 'SHA-256')}}"),
        ("${connectionConfig.team || 'none'}", "{{(context.team ? context.team : 'none')}}"),
        ("https://${connectionConfig.team}.x || https://y", "{{context.team ? 'https://' & context.team & '.x' : 'https://y'}}"),
        ("it's {{odd}}", "it's {{'{{'}}odd}}"),
        ("${base64(it's)}", r"{{$base64encode('it\'s')}}"),
        ("$ { } ${apiKey}$", "$ { } {{api_key}}$"),
    ],
)  # fmt: skip
def test_templates(text: str, template: str) -> None:
    names = Names(secrets={"apiKey": "api_key"}, context={"team": "team"})
    assert names.to_template(text) == template


@pytest.mark.parametrize(
    "text",
    ["${", "${apiKey", "${base64(${apiKey})", "${rot13(x)}", "${who}", "${now:QQ}", "${base64(" * 50 + ")}" * 50],
)
def test_templates_that_say_nothing(text: str) -> None:
    with pytest.raises(UntranslatableText):
        Names(secrets={"apiKey": "api_key"}).to_template(text)


@pytest.mark.parametrize(
    "entry",
    [
        {"auth_mode": "OAUTH2", "token_url": 7, "proxy": {"base_url": [], "headers": {"bad name": "x", "n": None}}},
        {"auth_mode": "TWO_STEP", "token_params": ["x"], "token_response": "x", "additional_steps": [3, {"more": 1}]},
        {"auth_mode": "JWT", "token": {"header": {"alg": "none"}, "payload": {"scope": [{"deep": [1]}]}}},
        {"auth_mode": "BASIC", "connection_config": {"a b": {"pattern": "("}, "env": {}, "x": 1}, "credentials": []},
        {"auth_mode": "API_KEY", "proxy": {"base_url": "https://${apiKey}.example", "retry": {"at": ["no\nheader"]}}},
        {"auth_mode": "API_KEY", "proxy": {"base_url": "ftp://x", "paginate": {"type": "spiral"}, "verification": {}}},
        {"auth_mode": "SIGNATURE", "signature": {"protocol": "WSSE"}, "proxy": {"base_url": 3, "headers": "x"}},
        {"auth_mode": "OAUTH1", "signature_method": "MAGIC", "request_http_method": "GET"},
        {
            "auth_mode": "API_KEY",
            "proxy": {"headers": {"authorization": "Token abcdef123456"}, "query": {"api_key": "k1"}},
        },
        {
            "auth_mode": "TWO_STEP",
            "token_request_method": "${x}",
            "token_headers": {"n": 1, "o": {}},
            "token_url": None,
        },
        {
            "auth_mode": "NONE",
            "proxy": {"base_url": "https://o.example", "verification": {"method": "${x}", "endpoints": "/a"}},
        },
        {"auth_mode": "OAUTH2", "token_response_metadata": ["a-b`c.d"], "alternate_access_token_response_path": "x-y"},
        {"auth_mode": "OAUTH2_CC", "token_url": "https://x.example/${", "scope_separator": "\n", "body_format": "csv"},
    ],
)
def test_odd_entries_become_connectors_with_notes(entry: dict[str, Any], read: Read, tmp_path: Path) -> None:
    imported = read(entry)
    assert imported.losses
    (tmp_path / "conn.yaml").write_text("version: 1\n")
    imported.write(tmp_path / "connectors" / "own")
    findings = lint_paths(tmp_path, []).findings
    assert [finding for finding in findings if finding.severity >= Severity.WARNING] == []


def test_what_is_no_entry_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.yaml"
    path.write_text("alias: x\nother: {auth_mode: 3}\n", encoding="utf-8")
    with pytest.raises(ConfigurationError, match="not in a format that can be imported"):
        read_source(path)


def test_a_value_that_a_key_header_carries_is_a_secret_whatever_the_entry_says(read: Read) -> None:
    described = {name: {"type": "string", "title": name} for name in ("appToken", "tenant", "apiKey", "region")}
    headers = {
        "x-acme-token": "${connectionConfig.appToken}",
        "x-tenant": "${connectionConfig.tenant}",
        "x-other": "v ${connectionConfig.apiKey}",
    }
    proxy = {"base_url": "https://api.own.example/${connectionConfig.region}", "headers": headers}
    data = data_of(read({"auth_mode": "NONE", "proxy": proxy, "connection_config": described}))
    assert {row["name"] for row in data["fields"] if row.get("secret")} == {"app_token", "api_key"}
    assert data["authorization"]["config"]["headers"] == {
        "x-acme-token": "{{app_token}}",
        "x-other": "v {{api_key}}",
    }
    assert data["headers"] == {"x-tenant": "{{context.tenant}}"}


@pytest.mark.parametrize("secret", [True, False])
def test_values_whose_names_fold_into_one_stay_apart(read: Read, secret: bool) -> None:
    names = ["app id", "app-id", "app_id", "app.id"]
    described = {name: {"type": "string", "secret": secret} for name in names}
    headers = {f"x-{n}": f"${{connectionConfig.{name}}}" for n, name in enumerate(names[:3])}
    data = data_of(read({"auth_mode": "NONE", "proxy": {"headers": headers}, "connection_config": described}))
    placed = data["authorization"]["config"]["headers"] if secret else data["headers"]
    assert len(set(placed.values())) == 3
    assert len({row["name"] for row in data["fields"]}) == 4
