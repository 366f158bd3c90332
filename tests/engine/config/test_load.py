"""Workspaces: what is found, read, refused."""

from pathlib import Path
from typing import Any

import pytest

from conn_engine.config import load_workspace
from conn_engine.errors import ConfigurationError, UsageError


def test_what_a_workspace_has(make: Any) -> None:
    workspace = make({"accounts/beta.yml": "connector: hubspot\n", "accounts/notes.txt": "x", "models/crm/x.txt": ""})
    assert workspace.connectors() == ["hubspot"]
    assert workspace.accounts() == ["acme", "beta"]
    assert workspace.environments() == ["production"]
    assert workspace.unified_models("hubspot") == ["crm"]
    assert [path.name for path in workspace.models] == ["models"]
    assert [(file.kind, file.name) for file in workspace.files()] == [
        ("account", "acme"),
        ("account", "beta"),
        ("connector", "hubspot"),
        ("environment", "production"),
        ("unified", "hubspot/crm"),
        ("workspace", "conn"),
    ]
    assert [document.file for _, document in workspace.documents()] == [
        "accounts/acme.yaml",
        "accounts/beta.yml",
        "connectors/hubspot/connector.json",
        "environments/production.yaml",
        "connectors/hubspot/unified/crm.yaml",
        "conn.yaml",
    ]


def test_only_conn_yaml_is_read_at_first(make: Any) -> None:
    workspace = make({"accounts/broken.yaml": "a: [", "connectors/other/connector.yaml": "}"})
    assert workspace.effective(account="acme").connector_name == "hubspot"
    with pytest.raises(ConfigurationError):
        workspace.account("broken")


def test_a_folder_may_be_a_text(make: Any) -> None:
    assert load_workspace(str(make({}).root)).accounts() == ["acme"]


def test_account(make: Any) -> None:
    account = make({}).account("acme")
    assert (account.connector, account.environment, account.context) == (
        "hubspot",
        "production",
        {"region": "eu"},
    )


@pytest.mark.parametrize(
    ("arguments", "message", "hint"),
    [
        ({"account": "acmee"}, 'no account "acmee"', 'did you mean "acme"?'),
        ({"account": "../acme"}, 'no account "../acme"', ""),
        ({"account": None, "connector": "hubspt"}, 'no connector "hubspt"', 'did you mean "hubspot"?'),
        ({"account": None}, "pass an account or a connector", ""),
        (
            {"account": "acme", "environment": "prodction"},
            'no environment "prodction"',
            'did you mean "production"?',
        ),
        ({"account": "acme", "connector": "github"}, 'uses the connector "hubspot", not "github"', ""),
    ],
)
def test_unknown_names(make: Any, arguments: dict[str, Any], message: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        make({}).effective(**arguments)
    assert message in caught.value.message
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    ("text", "code", "line", "hint"),
    [
        ("connector: hubspt\n", "REF101", 1, 'did you mean "hubspot"?'),
        ("connector: hubspot\nenvironment: prodution\n", "REF101", 2, 'did you mean "production"?'),
        ("conector: hubspot\n", "CFG101", 1, 'did you mean "connector"?'),
        ("", "CFG102", 1, ""),
        ("connector: hubspot\noverride: 3\n", "CFG102", 2, ""),
    ],
)
def test_accounts_that_cannot_be_used(make: Any, text: str, code: str, line: int, hint: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        make({"accounts/beta.yaml": text}).effective(account="beta")
    finding = caught.value.findings[0]
    assert (finding.code, finding.span and finding.span.line) == (code, line)
    assert finding.span is not None and finding.span.file == "accounts/beta.yaml"
    assert hint in finding.hint


def test_the_default_environment_needs_no_document(make: Any) -> None:
    workspace = make({"environments/production.yaml": None, "accounts/beta.yaml": "connector: hubspot\n"})
    assert workspace.effective(account="beta").environment == "production"
    assert workspace.effective(account="acme").environment == "production"


def test_a_link_out_of_the_workspace_is_refused(make: Any, tmp_path_factory: pytest.TempPathFactory) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "beta.yaml"
    elsewhere.write_text("connector: hubspot\n", encoding="utf-8")
    workspace = make({})
    (workspace.root / "accounts" / "beta.yaml").symlink_to(elsewhere)
    with pytest.raises(ConfigurationError, match="leads out of the workspace"):
        workspace.account("beta")


def test_two_documents_of_one_name(make: Any) -> None:
    with pytest.raises(ConfigurationError, match="both define"):
        make({"accounts/acme.json": "{}"}).accounts()


def test_no_workspace(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"no conn\.yaml") as caught:
        load_workspace(tmp_path)
    assert "conn init" in caught.value.hint


def test_workspace_settings(make: Any) -> None:
    settings = make({"conn.yaml": "default_environment: staging\ntrusted_hosts: ['127.0.0.1:*']\n"}).settings
    assert (settings.version, settings.default_environment, settings.trusted_hosts) == (
        1,
        "staging",
        ("127.0.0.1:*",),
    )
    assert make({"conn.yaml": ""}).settings.default_environment == "production"
    trusted = '"*.Corp.example:8443", 10.0.0.0/8, "fd00::/8", "[::1]:8080", "http://[fd00::1]:*", "http://nas.lan"'
    assert make({"conn.yaml": f"trusted_hosts: [{trusted}]\n"}).trust.hosts[:2] == ("*.corp.example:8443", "10.0.0.0/8")
    for network in ("10.0.0.1/8", "10.0.0.0/33", "300.0.0.0/8", "fd00::/200", "fe80::1/10"):
        with pytest.raises(ConfigurationError, match="is not a network"):
            make({"conn.yaml": f"trusted_hosts: ['{network}']\n"})
    with pytest.raises(ConfigurationError) as caught:
        make({"conn.yaml": "defualt_environment: staging\n"})
    assert [finding.code for finding in caught.value.findings] == ["CFG101"]


def test_names_that_cannot_be_asked_for(make: Any) -> None:
    workspace = make({"accounts/acme corp.yaml": "connector: hubspot\n"})
    assert workspace.accounts() == ["acme"]
    assert [finding.code for finding in workspace.strays()] == ["CFG107"]


@pytest.mark.parametrize(
    ("file", "named", "hint"),
    [
        ("con.yaml", "con.yaml", 'did you mean "conn.yaml"?'),
        ("account/acme.yaml", "account", 'did you mean "accounts"?'),
        ("Environments/eu.yml", "Environments", 'did you mean "environments"?'),
        ("accounts/acme.yaml.bak", "accounts/acme.yaml.bak", "accounts/NAME.yaml (or .yml, .json)"),
        ("accounts/globex.YAML", "accounts/globex.YAML", "if it is an account"),
        ("accounts/globex", "accounts/globex", "if it is an account"),
        ("accounts/eu/globex.yaml", "accounts/eu", "if it is an account"),
        ("environments/staging.txt", "environments/staging.txt", "if it is an environment"),
        ("connectors/hubspot/unify/crm.yaml", "", ""),
        ("connectors/hubspot/recording/a.json", "connectors/hubspot/recording", 'did you mean "recordings"?'),
        ("connectors/hubspot/conector.yaml", "connectors/hubspot/conector.yaml", 'did you mean "connector.yaml"?'),
        (
            "connectors/hubspot/unified/crm.yaml.orig",
            "connectors/hubspot/unified/crm.yaml.orig",
            "if it is a unified model",
        ),
        ("connectors/hubspot/recordings/acme/a.yaml", "connectors/hubspot/recordings/acme/a.yaml", "end in .json"),
        ("connectors/hubspot/openapi.json", "connectors/hubspot/openapi.json", "not part of a connector"),
        ("connectors/catalog.yaml", "", ""),
        ("connectors/shop.yaml", "connectors/shop.yaml", "move it to connectors/NAME/connector.yaml"),
        ("models/crm/contact.json", "models/crm/contact.json", "MODEL/RECORD.schema.json"),
        ("accounts/README.md", "", ""),
        ("connectors/hubspot/notes.txt", "", ""),
        ("docker-compose.yaml", "", ""),
        ("changes/new.yaml", "", ""),
    ],
)
def test_files_that_are_not_read_are_named(make: Any, file: str, named: str, hint: str) -> None:
    found = make(
        {file: "base_url: https://a.example\n" if "shop" in file else "{}\n", "models/crm/deal.schema.json": "{}\n"}
    ).strays()
    assert [finding.span.file for finding in found] == ([named] if named else [])
    assert all(hint in finding.hint for finding in found)


def test_a_name_that_no_file_can_have_is_not_suggested(tmp_path: Path) -> None:
    (tmp_path / "conn.yaml").write_text("version: 1\n")
    with pytest.raises(UsageError) as caught:
        load_workspace(tmp_path).account("../../etc/passwd")
    assert "passwd" not in caught.value.hint
    assert "only letters" in caught.value.hint
