"""`conn show` of a sync: the document that is in effect for an account, and which level sets what."""

import json
from pathlib import Path

import pytest
from transcript import conn

FILES = {
    "conn.yaml": "version: 1\ndefault_environment: production\n",
    "connectors/shop/connector.yaml": "base_url: https://shop.example.com\nresources:\n"
    "  people: { list: { path: /people, response_path: items } }\n",
    "syncs/people.yaml": "schedule: '@daily'\nsource: { connector: shop, resource: people, params: { size: '10' } }\n"
    "transform: { id: record.id, name: record.name }\nemit: { event: person.updated }\n",
    "environments/production.yaml": "syncs: { people: { schedule: '@hourly', lookback: PT5M } }\n",
    "accounts/acme.yaml": "connector: shop\n"
    "syncs: { people: { params: { tag: vip }, transform: { name: record.alias } } }\n",
}


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


@pytest.mark.parametrize("name", ["sync:people", "people"])
def test_each_value_has_the_level_that_sets_it(desk: Path, name: str) -> None:
    report = json.loads(conn(desk, "show", name, "-a", "acme", "--format", "json").out)
    assert report["operation"] == "sync:people"
    assert report["settings"] == {
        "schedule": "@hourly",
        "lookback": "PT5M",
        "source": {"connector": "shop", "resource": "people", "params": {"size": "10", "tag": "vip"}},
        "transform": {"id": "record.id", "name": "record.alias"},
        "emit": {"event": "person.updated"},
    }
    levels = {origin["path"]: (origin["level"], origin["file"]) for origin in report["origins"]}
    assert levels == {
        "schedule": ("environment", "environments/production.yaml"),
        "lookback": ("environment", "environments/production.yaml"),
        "source.connector": ("base", "syncs/people.yaml"),
        "source.resource": ("base", "syncs/people.yaml"),
        "source.params.size": ("base", "syncs/people.yaml"),
        "source.params.tag": ("account", "accounts/acme.yaml"),
        "transform.id": ("base", "syncs/people.yaml"),
        "transform.name": ("account", "accounts/acme.yaml"),
        "emit.event": ("base", "syncs/people.yaml"),
    }


def test_without_an_account_it_is_what_all_accounts_share(desk: Path) -> None:
    lines = [line.split() for line in conn(desk, "show", "sync:people").out.splitlines()]
    assert lines[0] == ["schedule", "@hourly", "environment", "environments/production.yaml:1"]
    assert not [line for line in lines if "account" in line]
    assert "lookback: PT5M" in conn(desk, "show", "sync:people", "--format", "yaml").out


def test_an_unknown_sync_is_an_error(desk: Path) -> None:
    done = conn(desk, "show", "sync:poeple")
    assert done.code == 2 and 'did you mean "people"?' in done.err


def test_an_account_is_shown_with_its_endpoints(desk: Path) -> None:
    (desk / "conn.yaml").write_text(
        "version: 1\nendpoint_hosts: ['*.example.com']\nendpoints:\n"
        "  default: { url: 'https://app.example.com/private/in', secret: '{{env.HOOK}}', events: [person.updated] }\n"
    )
    (desk / "accounts/acme.yaml").write_text(
        "connector: shop\nendpoints:\n  own: { url: 'https://acme.example.com/in', events: [person.updated] }\n"
    )
    done = conn(desk, "show", "-a", "acme", "--format", "json")
    rows = json.loads(done.out)["endpoints"]
    endpoints = {row["path"]: (row["value"], f"{row['file']}:{row['line']}") for row in rows}
    assert endpoints == {
        "endpoints.default.url": ("https://app.example.com/…", "conn.yaml:4"),
        "endpoints.default.secret": ("{{env.HOOK}}", "conn.yaml:4"),
        "endpoints.default.events": (["person.updated"], "conn.yaml:4"),
        "endpoints.own.url": ("https://acme.example.com/…", "accounts/acme.yaml:3"),
        "endpoints.own.events": (["person.updated"], "accounts/acme.yaml:3"),
    }
    assert "https://app.example.com/…" in conn(desk, "show", "-a", "acme").out
    assert "private" not in done.out
