"""What differs between two releases: files, and the effective configuration, counted by account."""

from desks import CONNECTOR, CRM, UNIFIED, Desk

from conn_engine.config import Workspace
from conn_engine.releases.difference import Difference, compare, content_of

OVERRIDE = "connector: demo\noverride: {unified: {crm: {contacts: {list: {response_mapping: %s}}}}}\n"


def difference(desk: Desk, *changes: tuple[str, str | None]) -> Difference:
    """The difference that writing (or, for None, removing) these files makes."""
    with desk.store() as store:
        before = desk.release(store)
        for name, text in changes:
            if text is None:
                (desk.root / name).unlink()
            else:
                desk.write(name, text)
        after = desk.release(store)
        return compare(content_of(store, before), content_of(store, after))


def paths(found: Difference) -> list[tuple[str, str, str, int]]:
    return [(change.connector, change.path, change.note, change.accounts) for change in found.paths]


def test_nothing(file_desk: Desk):
    found = difference(file_desk)
    assert found.same
    assert found.paths == ()


def test_a_base_mapping_reaches_every_account_that_does_not_override_it(file_desk: Desk):
    file_desk.write("accounts/globex.yaml", OVERRIDE % "{first_name: response.own}")
    found = difference(file_desk, (CRM, UNIFIED.replace("response.name", "response.nick")))
    assert [(file.path, file.note) for file in found.files] == [(CRM, "changed")]
    assert paths(found) == [("demo", "crm.contacts.list.response_mapping.first_name", "changed", 1)]
    assert (found.paths[0].before, found.paths[0].after) == ("response.name", "response.nick")


def test_levels_that_compose_are_compared_field_by_field(file_desk: Desk):
    file_desk.write("accounts/globex.yaml", OVERRIDE % "'{\"extra\": response.id}'")
    found = difference(file_desk, (CRM, UNIFIED.replace("response.name", "response.nick")))
    assert paths(found) == [("demo", "crm.contacts.list.response_mapping.first_name", "changed", 2)]


def test_one_account_is_one_account(file_desk: Desk):
    found = difference(
        file_desk,
        ("accounts/acme.yaml", "connector: demo\ncontext: {owner: two, region: eu}\noverride: {timeout_seconds: 9}\n"),
    )
    assert paths(found) == [
        ("demo", "context.owner", "changed", 1),
        ("demo", "context.region", "added", 1),
        ("demo", "timeout_seconds", "added", 1),
    ]


def test_values_that_vary_are_said_to(file_desk: Desk):
    file_desk.write("accounts/globex.yaml", "connector: demo\ncontext: {owner: other}\n")
    found = difference(
        file_desk,
        ("accounts/acme.yaml", "connector: demo\n"),
        ("accounts/globex.yaml", "connector: demo\n"),
    )
    assert paths(found) == [("demo", "context.owner", "removed", 2)]
    assert found.paths[0].varied


def test_long_values_are_shown_where_they_differ(file_desk: Desk):
    long = "response.some.rather.long.path.of.the.vendor ? response.some.rather.long.path.of.the.vendor : "
    file_desk.write("accounts/globex.yaml", OVERRIDE % f"{{first_name: \"{long}'G1'\"}}")
    file_desk.write("accounts/acme.yaml", OVERRIDE % f"{{first_name: \"{long}'A1'\"}}")
    found = difference(
        file_desk,
        ("accounts/globex.yaml", OVERRIDE % f"{{first_name: \"{long}'G2'\"}}"),
        ("accounts/acme.yaml", OVERRIDE % f"{{first_name: \"{long}'A2'\"}}"),
    )
    (change,) = found.paths
    assert change.before.endswith(": 'A1'") and change.after.endswith(": 'A2'")
    assert max(len(change.before), len(change.after)) <= 60
    assert (change.accounts, change.varied) == (2, True)


def test_accounts_that_come_and_go(file_desk: Desk):
    found = difference(file_desk, ("accounts/new.yaml", "connector: demo\n"), ("accounts/acme.yaml", None))
    assert (found.added, found.removed, found.paths) == (("new",), ("acme",), ())


def test_another_environment(file_desk: Desk):
    file_desk.write("environments/sandbox.yaml", "connectors: {demo: {timeout_seconds: 4}}\n")
    found = difference(file_desk, ("accounts/globex.yaml", "connector: demo\nenvironment: sandbox\n"))
    assert paths(found) == [("demo", "environment", "changed", 1), ("demo", "timeout_seconds", "added", 1)]


def test_another_connector_is_one_line(file_desk: Desk):
    file_desk.write("connectors/other/connector.yaml", CONNECTOR)
    found = difference(file_desk, ("accounts/globex.yaml", "connector: other\n"))
    assert paths(found) == [("other", "connector", "changed", 1)]


def test_a_connector_that_no_account_uses(file_desk: Desk):
    file_desk.write("connectors/other/connector.yaml", CONNECTOR)
    found = difference(file_desk, ("connectors/other/connector.yaml", CONNECTOR.replace("/people", "/persons")))
    assert paths(found) == [("other", "resources.people.list.path", "changed", 0)]


def test_what_conn_yaml_says(file_desk: Desk):
    found = difference(file_desk, ("conn.yaml", "version: 1\ntrusted_hosts: [127.0.0.1]\n"))
    assert paths(found) == [("", "trusted_hosts", "added", 0)]


def test_recordings_are_files_and_no_configuration(file_desk: Desk):
    found = difference(file_desk, ("connectors/demo/recordings/crm.contacts.list.json", None))
    assert [file.note for file in found.files] == ["removed"]
    assert found.paths == ()


def test_a_configuration_that_cannot_be_had_is_said(file_desk: Desk):
    found = difference(file_desk, ("connectors/demo/connector.yaml", "- no object\n"))
    assert [number for _, number in found.broken] == [2]
    assert found.broken[0][0].startswith("connectors/demo/connector.yaml")
    assert found.paths == ()


def test_a_literal_secret_of_the_workspace_is_not_shown(file_desk: Desk):
    with file_desk.store() as store:
        release = file_desk.release(store)
        file_desk.write("connectors/demo/connector.yaml", f"headers: {{x-api-key: 0a1b2c3d4e5f}}\n{CONNECTOR}")
        found = compare(content_of(store, release), content_of(store, file_desk.workspace))
    assert paths(found) == [("demo", "headers.x-api-key", "added", 2)]
    assert "0a1b2c3d4e5f" not in repr(found.paths)


def test_a_difference_is_what_comparing_every_account_gives(file_desk: Desk):
    for number in range(5):
        file_desk.write(f"accounts/n{number}.yaml", f"connector: demo\ncontext: {{owner: {number}}}\n")
    before = {name: dict(_flat(file_desk.workspace, name)) for name in file_desk.workspace.accounts()}
    found = difference(
        file_desk,
        ("connectors/demo/connector.yaml", CONNECTOR.replace("/people", "/persons")),
        ("accounts/n1.yaml", "connector: demo\ncontext: {owner: 9}\noverride: {timeout_seconds: 1}\n"),
    )
    after = {name: dict(_flat(file_desk.workspace, name)) for name in file_desk.workspace.accounts()}
    counted: dict[str, int] = {}
    for name, old in before.items():
        for path in old.keys() | after[name].keys():
            if old.get(path) != after[name].get(path):
                counted[path] = counted.get(path, 0) + 1
    assert {change.path: change.accounts for change in found.paths} == counted


def _flat(workspace: Workspace, account: str) -> list[tuple[str, object]]:
    effective = workspace.effective(account=account)

    def walk(value: object, path: str) -> list[tuple[str, object]]:
        if isinstance(value, dict) and value:
            return [row for key, item in value.items() for row in walk(item, f"{path}.{key}" if path else str(key))]
        return [(path, value)]

    return [*walk(effective.data, ""), *walk(effective.context, "context")]
