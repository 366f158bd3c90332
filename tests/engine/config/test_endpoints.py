"""Where the requests of an override lead: below the base URL, and for tokens to no host that it has left."""

from typing import Any

import pytest
from overrides import OAUTH, judged, refusals

CLIMBING = (
    "/../x",
    "/things/../../x",
    "/%2e%2e/x",
    "/.%2E/x",
    "/a%2f..%2f..%2fx",
    "/a\\..\\..\\x",
    "/%252e%252e/x",
    "..",
)


@pytest.mark.parametrize("path", CLIMBING)
@pytest.mark.parametrize(
    ("override", "place"),
    [
        ("resources: {{ things: {{ list: {{ path: '{}' }} }} }}", "resources.things.list.path"),
        ("resources: {{ query: {{ list: {{ method: get, path: '{}' }} }} }}", "resources.query.list.path"),
        ("connect: [{{ name: a, request: {{ path: '{}' }} }}]", "connect[0].request.path"),
        ("resources: {{ things: {{ list: {{ job: {{ poll: {{ path: '{}' }} }} }} }} }}",
         "resources.things.list.job.poll.path"),
        ("unified: {{ crm: {{ authorization: {{ body: {{ before: [{{ name: a, request: {{ path: '{}' }} }}] "
         "}} }} }} }}",
         "crm.authorization.body.before[0].request.path"),
    ],
)  # fmt: skip
def test_a_path_stays_below_the_base_url(make: Any, path: str, override: str, place: str) -> None:
    assert refusals(judged(make, f"{{ {override.format(path)} }}")) == [("SEC115", place)]


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("https://api.example.com/v1", True),
        ("https://api.example.com/v1/beta", True),
        ("https://eu.example.com/v1", True),
        ("https://{{context.region}}.example.com/v1", True),
        ("https://api.example.com", False),
        ("https://api.example.com/v2", False),
        ("https://api.example.com/v10", False),
        ("https://api.example.com/v1/../v2", False),
        ("https://api.example.com/v1/%2e%2e/v2", False),
        ("https://api.example.com/{{context.version}}", False),
        ("{{context.url}}/v1", False),
    ],
)
@pytest.mark.parametrize("place", ["{{ {0} }}", "{{ resources: {{ things: {{ list: {{ {0} }} }} }} }}"])
def test_a_base_url_keeps_the_path_of_the_connectors(make: Any, url: str, allowed: bool, place: str) -> None:
    found = refusals(judged(make, place.format(f"base_url: '{url}'")))
    assert [code for code, _ in found if code != "SEC116"] == ([] if allowed else ["SEC115"])


def test_the_path_of_another_host_is_none_of_this_one(make: Any) -> None:
    """The connector's uploads have a host of their own, and no path on it."""
    uploads = "  uploads: { base_url: https://uploads.example.com, send: { method: post, path: /x } }\n"
    base = OAUTH.replace("resources:\n", f"resources:\n{uploads}")
    assert refusals(judged(make, "{ base_url: 'https://api.example.com/admin' }", base=base)) == [
        ("SEC115", "base_url")
    ]
    moved = "{ resources: { uploads: { base_url: 'https://uploads.example.com/v3' } } }"
    assert refusals(judged(make, moved, base=base)) == []
    third = "{ resources: { uploads: { base_url: 'https://eu.example.com/admin' } } }"
    assert refusals(judged(make, third, base=base)) == [("SEC115", "resources.uploads.base_url")]


IN_PATH = """\
base_url: https://api.example.com/v1
credentials: { format: api_key }
authorization: { format: path, config: { name: token } }
resources:
  things:
    list: { method: get, path: "/bot{token}/things" }
"""


@pytest.mark.parametrize(
    ("override", "refused"),
    [
        ("resources: { things: { list: { path: '/bot{token}/others' } } }", False),
        ("resources: { things: { new: { method: get, path: '/bot{token}/others/{{id}}' } } }", False),
        ("resources: { things: { new: { method: post, path: '/notes/{token}' } } }", True),
        ("resources: { things: { list: { path: '/bot{token}/notes/{token}' } } }", True),
        ("resources: { things: { list: { path: '/{token}' } } }", True),
        ("base_url: 'https://api.example.com/v1/{token}'", True),
        ("connect: [{ name: a, request: { path: '/notes/{token}', method: post } }]", True),
    ],
)
def test_the_mark_of_a_secret_stays_where_it_is_in_the_path(make: Any, override: str, *, refused: bool) -> None:
    found = refusals(judged(make, f"{{ {override} }}", base=IN_PATH))
    assert [code for code, _ in found] == (["SEC113"] if refused else [])


def test_conn_yaml_may_allow_another_path(make: Any) -> None:
    override = "{ base_url: 'https://api.example.com/v2' }"
    allowed = "environments: { sandbox: { allow: { paths: [/v2] } } }\n"
    effective = judged(make, override, allowed)
    assert refusals(effective) == [] and [one.code for one in effective.find_widening()] == ["SEC117"]
    assert refusals(judged(make, "{ base_url: 'https://api.example.com/v3' }", allowed))
    trusted = "trusted_hosts: ['127.0.0.1:*']\n"
    token = "credentials: { config: { token_url: 'http://127.0.0.1:1/mock/oauth/token', revoke: [] } }"
    assert refusals(judged(make, f"{{ base_url: 'http://127.0.0.1:1/mock', {token} }}", trusted)) == []


def test_token_requests_move_with_the_requests(make: Any) -> None:
    trusted = "trusted_hosts: ['127.0.0.1:*']\n"
    effective = judged(make, "{ base_url: 'http://127.0.0.1:1/mock/v1' }", trusted)
    paths = ["credentials.config.token_url", "credentials.config.revoke[0].url"]
    assert refusals(effective) == [("SEC116", "base_url")] * 2
    for path, finding in zip(paths, effective.stale_token_urls(), strict=True):
        assert f'leaves {path} on "https://api.example.com"' in finding.message
        assert f"set {path} here too, for example to http://127.0.0.1:1/oauth/" in finding.hint
    assert effective.stale_token_urls() == [one for one in effective.findings if one.code == "SEC116"]


@pytest.mark.parametrize(
    ("url", "token", "left"),
    [
        ("https://eu.example.com/v1", "", True),
        ("https://eu.example.com/v1", "https://eu.example.com/oauth/token", False),
        ("https://eu.example.com/v1", "https://api.example.com/oauth/token", False),
        ("https://API.example.com/v1/beta", "", False),
    ],
)
def test_a_token_url_that_stays_is_repeated(make: Any, url: str, token: str, *, left: bool) -> None:
    credentials = f"credentials: {{ config: {{ token_url: '{token}', revoke: [] }} }}" if token else ""
    revoke = "" if token else "credentials: { config: { revoke: [] } }"
    effective = judged(make, f"{{ base_url: '{url}', {credentials}{revoke} }}")
    assert [code for code, _ in refusals(effective)] == (["SEC116"] if left else [])
    assert [path for path in (one.path for one in effective.dead()) if "token_url" in path] == []


def test_a_login_beside_the_api_stays_for_another_host_of_the_connector(make: Any) -> None:
    base = OAUTH.replace("https://api.example.com/oauth/", "https://login.example.com/oauth/")
    assert refusals(judged(make, "{ base_url: 'https://eu.example.com/v1' }", base=base)) == []
    trusted = "trusted_hosts: ['127.0.0.1:*']\n"
    found = refusals(judged(make, "{ base_url: 'http://127.0.0.1:1' }", trusted, base=base))
    assert found == [("SEC116", "base_url")] * 2


def test_an_account_moves_on_from_its_environment(make: Any) -> None:
    files = {
        "connectors/x/connector.yaml": OAUTH,
        "environments/sandbox.yaml": "connectors: { x: { base_url: 'https://sandbox.example.com/v1', credentials: "
        "{ config: { token_url: 'https://sandbox.example.com/oauth/token', revoke: [] } } } }\n",
        "accounts/me.yaml": "connector: x\nenvironment: sandbox\noverride: { base_url: 'https://me.example.com/v1' }\n",
    }
    (finding,) = make(files).effective(account="me").stale_token_urls()
    assert finding.span.file == "accounts/me.yaml" and "https://sandbox.example.com" in finding.message
