"""Where credentials may go and what may be read: granted by the connector, never widened by an override."""

from typing import Any

import pytest

from conn_engine.config.host_patterns import host_pattern
from conn_engine.transport.hosts import is_covered

CONNECTOR = """\
base_url: https://{{context.subdomain}}.example.com/api
env: [EXTRA]
credentials:
  format: oauth2
  config:
    client_id: "{{env.CLIENT_ID}}"
    client_secret: "{{env.CLIENT_SECRET}}"
    token_url: https://login.example.org/token
    authorization_url: https://consent.example.org/ask
resources: { things: { list: { method: get, path: /things } } }
"""


@pytest.mark.parametrize(
    ("url", "pattern"),
    [
        ("https://api.example.com/v1", "api.example.com"),
        ("https://API.Example.com:8443/v1", "api.example.com:8443"),
        ("https://{{context.sub}}.example.com", "*.example.com"),
        ("https://api-{{context.region}}.example.com", "*.example.com"),
        ("https://{{a}}.{{b}}.example.com/x", "*.example.com"),
        ("https://{{ {'a': {'b': 1}} }}.example.com", "*.example.com"),
        ("http://127.0.0.1:{{context.port}}/x", "127.0.0.1:*"),
        ("https://[::1]/x", "[::1]"),
        ("{{context.instance_url}}", None),
        ("https://{{context.host}}/x", None),
        ("https://{{context.host}}.com/x", None),
        ("https://a.{{context.host}}.com/x", None),
        ("https://user@example.com/", None),
        ("ftp://example.com/", None),
        ("/relative", None),
    ],
)
def test_host_pattern(url: str, pattern: str | None) -> None:
    assert host_pattern(url) == pattern


@pytest.mark.parametrize(
    ("pattern", "allowed", "expected"),
    [
        ("a.example.com", ["a.example.com"], True),
        ("a.example.com", ["*.example.com"], True),
        ("*.eu.example.com", ["*.example.com"], False),
        ("a.eu.example.com", ["*.example.com"], False),
        ("*.eu.example.com", ["*.*.example.com"], True),
        ("http://a.example.com:*", ["*.example.com:*"], False),
        ("https://a.example.com:443", ["*.example.com:*"], True),
        ("evil.net/.example.com", ["*.example.com"], False),
        ("*.example.com", ["a.example.com"], False),
        ("example.com", ["*.example.com"], False),
        ("evilexample.com", ["*.example.com"], False),
        ("a.example.com:8443", ["a.example.com"], False),
        ("a.example.com:8443", ["a.example.com:*"], True),
        ("A.example.com", ["a.EXAMPLE.com"], True),
    ],
)
def test_covered(pattern: str, allowed: list[str], expected: bool) -> None:
    assert is_covered(pattern, allowed) is expected


def effective(make: Any, override: str, conn: str = "version: 1\n") -> Any:
    account = f"connector: x\ncontext: {{ subdomain: acme }}\noverride:\n{override}"
    files = {"connectors/x/connector.yaml": CONNECTOR, "accounts/acme.yaml": account, "conn.yaml": conn}
    return make(files).effective(account="acme")


def test_what_the_connector_grants(make: Any) -> None:
    found = effective(make, "  label: L\n")
    assert found.hosts == ("*.example.com", "login.example.org")
    assert set(found.env_names) == {"EXTRA", "CLIENT_ID", "CLIENT_SECRET"}
    assert found.find_widening() == []
    trusting = effective(make, "  label: L\n", "trusted_hosts: ['127.0.0.1:*']\nenv: [SHARED]\n")
    assert trusting.hosts == ("*.example.com", "login.example.org", "127.0.0.1:*")
    assert "SHARED" in trusting.env_names


@pytest.mark.parametrize(
    ("override", "code", "line", "message"),
    [
        ("  base_url: https://evil.example.net\n", "SEC110", 4, "evil.example.net"),
        (
            "  resources: { things: { list: { job: { download: { url: \"'https://evil.net/' & job.url\" } } } } }\n",
            "SEC110",
            4,
            "result of a job",
        ),
        ("  hosts: ['evil.example.net']\n", "SEC110", 4, "evil.example.net"),
        ("  resources: { things: { list: { base_url: 'https://evil.net' } } }\n", "SEC110", 4, "evil.net"),
        ("  credentials: { config: { token_url: 'https://evil.net/t' } }\n", "SEC110", 4, "evil.net"),
        ("  credentials: { config: { authorization_url: 'https://evil.net/a' } }\n", "SEC110", 4, "evil.net"),
        ("  env: [AWS_SECRET]\n", "SEC111", 4, "AWS_SECRET"),
        ("  credentials: { config: { client_id: '{{env.HOME}}' } }\n", "SEC111", 4, "HOME"),
        ("  authorization: { config: { value: '{{ env }}' } }\n", "SEC111", 4, "complete environment"),
        (
            "  authorization: { config: { value: '{{ $lookup(env, \"HOME\") }}' } }\n",
            "SEC111",
            4,
            "complete environment",
        ),
    ],
)
def test_an_override_cannot_widen(make: Any, override: str, code: str, line: int, message: str) -> None:
    found = effective(make, override)
    (finding,) = found.find_widening()
    assert (finding.code, finding.span.file, finding.span.line) == (code, "accounts/acme.yaml", line)
    assert message in finding.message
    assert found.hosts == ("*.example.com", "login.example.org") or "hosts" in override
    assert not {"HOME", "AWS_SECRET"} & set(found.env_names)
    assert finding in found.findings


@pytest.mark.parametrize(
    ("name", "start"), [("HOME", "add it to env"), ("SANDBOX_CLIENT_ID", 'did you mean "CLIENT_ID"?')]
)
def test_the_fix_of_an_unknown_variable_names_where_to_declare_it(make: Any, name: str, start: str) -> None:
    (finding,) = effective(
        make, f"  credentials: {{ config: {{ client_id: '{{{{env.{name}}}}}' }} }}\n"
    ).find_widening()
    assert finding.hint.startswith(start)
    assert finding.hint.endswith("or to allow.env of one environment")


def test_an_override_may_narrow(make: Any) -> None:
    assert effective(make, "  hosts: ['acme.example.com']\n").hosts == ("acme.example.com",)
    assert effective(make, "  hosts: ['evil.net']\n").hosts == ()
    consent = "  credentials: { config: { authorization_url: 'https://consent.example.org/other' } }\n"
    assert effective(make, consent).find_widening() == []
    assert effective(make, "  base_url: 'https://acme.example.com/api/v2'\n").find_widening() == []


@pytest.mark.parametrize(
    ("trusted", "base_url"),
    [
        ("127.0.0.1:*", "http://127.0.0.1:8080"),
        ("http://10.0.0.5:8080", "http://10.0.0.5:8080/v1"),  # the spelling that the transport's error suggests
        ("10.0.0.5", "https://10.0.0.5/v1"),
        ("[fd00::5]:8443", "https://[fd00::5]:8443"),
    ],
)
def test_a_trusted_host_is_no_widening(make: Any, trusted: str, base_url: str) -> None:
    assert effective(make, f"  base_url: '{base_url}'\n", f"trusted_hosts: ['{trusted}']\n").find_widening() == []


def test_a_trusted_network_may_be_reached_and_receives_no_credential(make: Any) -> None:
    found = effective(make, "  base_url: 'https://10.0.0.5'\n", "trusted_hosts: [10.0.0.0/8, 'fd00::/8']\n")
    assert found.hosts == ("*.example.com", "login.example.org")
    assert found.trusted_hosts == ("10.0.0.0/8", "fd00::/8")
    assert [finding.code for finding in found.find_widening()] == ["SEC110"]


def test_a_connector_must_name_a_host(make: Any) -> None:
    text = "base_url: '{{context.url}}'\nauthorization: { format: bearer }\nresources: {}\n"
    workspace = make(
        {"connectors/y/connector.yaml": text, "connectors/z/connector.yaml": text + "hosts: ['*.a.com']\n"}
    )
    (finding,) = workspace.effective(account=None, connector="y").findings
    assert (finding.code, finding.span and finding.span.line) == ("SEC112", 1)
    assert workspace.effective(account=None, connector="z").findings == ()


@pytest.mark.parametrize(
    ("text", "paths"),
    [
        ("authorization: { format: bearer }\nhosts: ['*.b.com']\nresources: {}\n", ["base_url"]),
        ("authorization: { format: bearer }\nhosts: [api.a.com]\nresources: {}\n", []),
        ("authorization: { format: none }\nhosts: ['*.b.com']\nresources: {}\n", []),
        ("hosts: ['*.b.com']\nresources: {}\n", []),
        (
            "hosts: [api.a.com]\nresources:\n  r:\n    authorization: { format: bearer }\n    base_url: https://up.a.com\n",
            ["resources.r.base_url"],
        ),
    ],
)
def test_a_connector_does_not_leave_out_its_own_hosts(make: Any, text: str, paths: list[str]) -> None:
    workspace = make({"connectors/y/connector.yaml": f"base_url: https://api.a.com\n{text}"})
    found = workspace.effective(account=None, connector="y")
    assert [finding.path for finding in found.findings if finding.code == "SEC160"] == paths
    found.check_authority()  # only the requests that need the host are refused


def test_the_steps_before_a_token_request_have_hosts_too(make: Any) -> None:
    text = (
        "base_url: https://api.example.com\nresources: {}\ncredentials:\n  format: session\n  config:\n    login:\n"
        "      before: [{ name: a, url: 'https://first.example.com/a' }]\n      url: https://login.example.com/b\n"
    )
    account = (
        "connector: y\noverride:\n  credentials:\n    config:\n      login:\n"
        "        before: [{ name: a, url: 'https://evil.net/a' }]\n"
    )
    workspace = make({"connectors/y/connector.yaml": text, "accounts/me.yaml": account})
    effective = workspace.effective(account="me")
    assert effective.hosts == ("api.example.com", "first.example.com", "login.example.com")
    (finding,) = effective.find_widening()
    assert (finding.code, finding.span.line) == ("SEC110", 6)
