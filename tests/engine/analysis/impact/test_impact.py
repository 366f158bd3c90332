"""What `impact` reports for the example workspace, and what its reports must not contain."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from conn_cli.comparison_base import ImpactFailOn, choose_exit
from conn_cli.exits import Exit
from conn_cli.report import Sources
from conn_cli.report import impact as report
from conn_engine.analysis.impact import Impact, Unknown, impact
from conn_engine.analysis.impact.model import Work
from conn_engine.analysis.impact.report import ImpactReport
from conn_engine.analysis.population import Digests
from conn_engine.analysis.population.slices import Slicer
from conn_engine.config import load_workspace
from conn_engine.documents import dump_json
from conn_engine.documents.locate import find_packaged
from conn_engine.testing.compare import nameable

WRITES = ("create", "delete", "update")
Edit = Callable[[Path], None]


@pytest.fixture
def example(tmp_path: Path) -> Path:
    """The example workspace, without the connectors that none of its accounts uses."""
    folder = tmp_path / "before"
    shutil.copytree(find_packaged("example"), folder)
    for name in ("hubspot", "github"):
        shutil.copytree(find_packaged("connectors", name), folder / "connectors" / name, dirs_exist_ok=True)
    return folder


def changed(example: Path, **edits: tuple[str, str]) -> Impact:
    """The impact of replacing texts in files; the key of an edit is the file's name without its ending."""
    after = example.parent / "after"
    shutil.copytree(example, after)
    for stem, (old, new) in edits.items():
        path = next(after.rglob(f"{stem}.yaml"))
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new), encoding="utf-8")
    return impact(load_workspace(example), load_workspace(after), processes=1)


def status(found: Impact) -> dict[str, str]:
    return {account.name: account.status for account in found.accounts}


def test_no_change_evaluates_nothing(example: Path) -> None:
    found = changed(example)
    assert set(status(found).values()) == {"unchanged"}
    assert (found.work, found.fields, found.statements) == (Work(), (), ())


def test_a_label_changes_nothing(example: Path) -> None:
    found = changed(example, connector=("\nlabel: ", "\nlabel: New "))
    assert (found.work, found.fields) == (Work(), ())


def test_an_override_that_replaces_shields_its_account(example: Path) -> None:
    found = changed(example, crm=("domain: response.properties.domain", "domain: response.properties.website"))
    assert status(found)["globex"] in ("changed", "shielded")
    row = next(r for r in found.fields if r.operation == "crm.companies.list" and r.field == "domain")
    assert row.shielded == 1  # `replace` in accounts/globex.yaml


def test_a_header_that_a_mapping_makes_otherwise_is_a_changed_request(example: Path) -> None:
    listing = "      query_mapping:\n        limit:"
    found = changed(example, crm=(listing, f"      request_header_mapping: {{ X-Limit: query.limit }}\n{listing}"))
    rows = {(row.operation, row.field, row.kind) for row in found.fields}
    assert ("crm.contacts.list", "headers.x-limit", "request_changed") in rows
    assert "crm.contacts.list the header x-limit" in report.draw_text(found)


def test_another_fixed_header_is_told_by_name_where_it_is_said(example: Path) -> None:
    found = changed(example, **{"github/connector": ("2022-11-28", "2099-12-31")})
    assert status(found) == {"acme": "unchanged", "globex": "unchanged", "initech": "changed", "umbrella": "unchanged"}
    assert {(field, kind) for _, field, kind in lines(found)} == {("headers.x-github-api-version", "request_changed")}
    writes = [f"{resource}.{method}" for resource in ("labels", "milestones") for method in WRITES]
    writes += [f"ticketing.comments.{method}" for method in WRITES]
    assert {row.operation for row in found.fields if row.breaking} == {
        *writes,
        "ticketing.tickets.create",
        "ticketing.tickets.update",
    }
    table = report.draw_markdown(found)
    assert "| `ticketing.tickets.list the header x-github-api-version` | request changed | 1 |" in table
    annotations = report.draw_github(found, Sources())
    line = 1 + (example / "connectors/github/connector.yaml").read_text().splitlines().index("headers:") + 2
    assert f"file=connectors/github/connector.yaml,line={line}" in annotations
    for text in (table, annotations, dump_json(ImpactReport.from_impact(found).data())):
        assert "2099" not in text
        assert "2022" not in text


def test_a_header_that_may_hold_a_credential_is_compared_by_nobody(example: Path) -> None:
    found = changed(example, **{"github/connector": ("headers:\n", "headers:\n  x-api-key: abc\n")})
    assert (found.fields, found.count("changed")) == ((), 0)
    assert "headers.x-api-key   + [redacted]" in report.draw_text(found)


def test_a_header_whose_name_is_data_is_not_named(example: Path) -> None:
    listing = "      query_mapping:\n        limit:"
    mapping = "request_header_mapping: \"{'x-' & '20261125' & query.limit: 'on', 'X-Day': 'on'}\""
    found = changed(example, crm=(listing, f"      {mapping}\n{listing}"))
    named = {row.field for row in found.fields if row.operation == "crm.contacts.list"}
    assert named == {"headers.*", "headers.x-day"}


def test_a_broken_configuration_breaks_its_accounts(example: Path) -> None:
    found = changed(example, acme=("environment: production", "environment: nowhere"))
    acme = next(account for account in found.accounts if account.name == "acme")
    assert (acme.status, acme.breaking) == ("unjudged", True)
    assert found.breaking
    assert {how for how in ImpactFailOn if choose_exit(found, how) is Exit.FINDINGS} == {
        ImpactFailOn.BREAKING,
        ImpactFailOn.MISSING,
        ImpactFailOn.ANY,
    }


def test_accounts_without_recordings_are_unknown(example: Path) -> None:
    shutil.rmtree(example / "connectors" / "github" / "recordings")
    found = changed(example)
    assert status(found)["initech"] == "unknown"


def test_an_account_that_was_broken_before_is_not_broken_by_the_change(example: Path) -> None:
    shutil.rmtree(example / "connectors" / "github")
    found = changed(example)
    assert status(found)["initech"] == "unjudged"
    assert not found.breaking


def test_reports_hold_no_value_of_a_record(example: Path) -> None:
    recordings = sorted((example / "connectors" / "hubspot" / "recordings").glob("crm.contacts.*.json"))
    planted = 0
    for path in recordings:
        data = json.loads(path.read_text(encoding="utf-8"))
        for record in _records(data):
            record["properties"]["firstname"] = f"MARKER{planted}"
            record["properties"]["email"] = f"MARKER{planted}@example.com"
            planted += 1
        path.write_text(json.dumps(data), encoding="utf-8")
    assert planted > 5
    found = changed(example, crm=("response.properties.firstname", "$uppercase(response.properties.email)"))
    assert any(row.field == "first_name" and row.kind == "value_changed" for row in found.fields)
    annotations = report.draw_github(found, Sources())
    for text in (
        report.draw_text(found),
        dump_json(ImpactReport.from_impact(found).data()),
        report.draw_markdown(found),
        annotations,
    ):
        assert "MARKER" not in text.upper().replace("MARKERS", "")


def _records(value: Any) -> list[dict[str, Any]]:
    if isinstance(value, dict):
        own = [value] if isinstance(value.get("properties"), dict) and "id" in value else []
        return own + [record for item in value.values() for record in _records(item)]
    return [record for item in value for record in _records(item)] if isinstance(value, list) else []


@pytest.mark.slow
def test_the_same_two_sides_give_the_same_report(example: Path) -> None:
    first = changed(example, crm=("response.properties.email", "response.properties.other"))
    again = impact(load_workspace(example), load_workspace(example.parent / "after"), processes=2)
    assert dump_json(ImpactReport.from_impact(first).data()) == dump_json(ImpactReport.from_impact(again).data())


def test_a_workspace_is_read_anew_each_time(example: Path) -> None:
    assert not changed(example).fields
    path = example.parent / "after" / "connectors" / "hubspot" / "unified" / "crm.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("id: response.id", "id: response.gone", 1), "utf-8")
    found = impact(load_workspace(example), load_workspace(example.parent / "after"), processes=1)
    assert {verdict for name, verdict in status(found).items() if name != "initech"} == {"changed"}


def lines(found: Impact) -> dict[tuple[str, str, str], tuple[int, int, int]]:
    """Accounts, records and shielded accounts by operation, field and kind."""
    return {(r.operation, r.field, r.kind): (r.accounts, r.records, r.shielded) for r in found.fields}


def test_an_override_shields_from_a_change_of_its_environment(example: Path) -> None:
    acme = example / "accounts" / "acme.yaml"
    own = "  crm.deals.response_mapping.currency: \"'CHF'\"\n"
    acme.write_text(acme.read_text(encoding="utf-8") + own, encoding="utf-8")
    found = changed(example, production=("'EUR'", "'USD'"))
    assert status(found) == {"acme": "shielded", "globex": "changed", "initech": "unchanged", "umbrella": "unchanged"}
    assert lines(found) == {
        (f"crm.deals.{name}", "currency", "value_changed"): (1, 1, 1) for name in ("list", "update")
    }


@pytest.mark.slow
def test_another_base_url_is_another_request(example: Path) -> None:
    found = changed(example, connector=("https://api.hubapi.com\n", "https://api.hubapi.com/v9\n"))
    # sandbox and umbrella say an address of their own
    assert status(found) == {"acme": "changed", "globex": "changed", "initech": "unchanged", "umbrella": "shielded"}
    kinds = {kind for _, _, kind in lines(found)}
    assert kinds == {"request_changed", "error_changed"}, "a recorded error, too, has another request"
    written = next(row for row in found.fields if row.operation == "crm.contacts.update")
    assert (written.field, written.accounts, written.shielded, written.breaking) == ("url", 2, 1, True)
    read = next(row for row in found.fields if row.operation == "crm.contacts.get")
    assert not read.breaking


def test_the_same_key_of_two_environments_is_two_changes(example: Path) -> None:
    folder = example / "environments"
    for name in ("production", "sandbox"):
        text = (folder / f"{name}.yaml").read_text(encoding="utf-8").replace("    timeout_seconds: 20\n", "")
        text = text.replace("  hubspot:\n", "  hubspot:\n    timeout_seconds: 20\n", 1)
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    edit = ("timeout_seconds: 20", "timeout_seconds: 21")
    found = changed(example, production=edit, sandbox=edit)
    assert [(s.path, s.span and s.span.file) for s in found.statements] == [
        ("timeout_seconds", "environments/production.yaml"),
        ("timeout_seconds", "environments/sandbox.yaml"),
    ]


def test_what_could_not_be_read_before_the_change_is_not_taken_for_new(example: Path) -> None:
    after = example.parent / "after"
    shutil.copytree(example, after)
    for name in ("accounts/acme.yaml", "accounts/initech.yaml"):
        (example / name).write_text("connector: [\n", encoding="utf-8")
    (after / "accounts" / "initech.yaml").unlink()
    recording = example / "connectors" / "hubspot" / "recordings" / "crm.contacts.get.json"
    recording.write_text("{", encoding="utf-8")
    found = impact(load_workspace(example), load_workspace(after), processes=1)
    assert status(found) == {"acme": "unjudged", "globex": "unchanged", "initech": "unjudged", "umbrella": "unchanged"}
    assert not found.breaking and not found.fields
    assert choose_exit(found, ImpactFailOn.BREAKING) is Exit.CONFIGURATION


def test_an_account_of_which_nothing_is_known_is_not_shielded(example: Path) -> None:
    acme = example / "accounts" / "acme.yaml"
    own = "  crm.companies.get.response_mapping.name: \"'x'\"\n  resources.companies.get.path: /elsewhere\n"
    acme.write_text(acme.read_text(encoding="utf-8") + own, encoding="utf-8")
    found = changed(example, crm=("domain: response.properties.domain", "domain: response.properties.website"))
    assert status(found)["acme"] == "changed"  # by other operations
    row = next(r for r in found.fields if r.operation == "crm.companies.get" and r.field == "domain")
    assert (row.accounts, row.shielded) == (2, 0)
    assert Unknown("crm.companies.get", "the recording has no response to the request", 1) in found.unknown


def test_a_report_without_changes_says_what_is_unknown(example: Path) -> None:
    for kind in ("recordings", "deliveries"):
        shutil.rmtree(example / "connectors" / "hubspot" / kind)
    found = changed(example, crm=("response.properties.firstname", "response.properties.lastname"))
    assert report.draw_markdown(found).startswith("### No account is known to change, 3 unknown\n")


def overrides(found: Impact) -> set[tuple[str, str, str]]:
    """File, path and note of the overrides that a change touches."""
    return {(s.span.file, s.path, s.note.partition(":")[0]) for s in found.overrides if s.span}


def test_overrides_of_an_operation_that_is_gone_are_in_conflict(example: Path) -> None:
    last = "        lifecyclestage: \"body.lifecycle_stage = null ? '' : body.lifecycle_stage\"\n"
    found = changed(example, crm=(f"{last}    list:\n", f"{last}    search:\n"))
    assert lines(found)["crm.companies.list", "", "operation_missing"][0] == 1  # acme; the others say it themselves
    companies = "crm.companies.list"
    assert {
        ("accounts/globex.yaml", f"{companies}.response_mapping.replace.domain", "conflict"),
        ("accounts/umbrella.yaml", f"{companies}.method", "conflict"),
    } <= overrides(found)


def test_a_mapping_below_that_becomes_one_expression_still_composes(example: Path) -> None:
    text = (example / "environments/production.yaml").read_text(encoding="utf-8")
    start, end = text.index("          response_mapping:\n"), text.index("  github:\n")
    found = changed(example, production=(text[start:end], "          response_mapping: '{\"currency\": 1}'\n"))
    assert not {path for _, path, _ in overrides(found) if path.endswith("lead_source")}


def test_a_mapping_that_moves_between_a_resource_and_its_operation_is_no_conflict(example: Path) -> None:
    """What an override was written over is what the operation had, wherever it was written."""
    acme = example / "accounts" / "acme.yaml"
    own = "  crm.deals.list.response_mapping.currency: \"'CHF'\"\n"
    acme.write_text(acme.read_text(encoding="utf-8") + own, encoding="utf-8")
    text = (example / "environments/production.yaml").read_text(encoding="utf-8")
    start, end = text.index("          response_mapping:\n"), text.index("  github:\n")
    moved = "          list:\n" + text[start:end].replace("\n  ", "\n    ").replace(
        "          resp", "            resp", 1
    )
    found = changed(example, production=(text[start:end], moved))
    assert not overrides(found)
    assert ("crm.deals.update", "currency", "value_changed") in lines(found)
    changed_too = changed_again(example, production=(text[start:end], moved.replace("'EUR'", "'USD'")))
    assert ("accounts/acme.yaml", "crm.deals.list.response_mapping.currency", "conflict") in overrides(changed_too)


def changed_again(example: Path, **edits: tuple[str, str]) -> Impact:
    shutil.rmtree(example.parent / "after")
    return changed(example, **edits)


def test_keys_that_are_data_are_not_named(example: Path) -> None:
    """A mapping may make an object whose keys are addresses or ids: they are a customer's data, as values are."""
    crm = example / "connectors/hubspot/unified/crm.yaml"
    keyed = "deleted: response.archived\n      more: '{ response.properties.email: 1, response.id: response.id }'\n"
    text = crm.read_text(encoding="utf-8").replace("deleted: response.archived\n", keyed, 1)
    crm.write_text(text, encoding="utf-8")
    shutil.rmtree(example / "connectors/hubspot/recordings/globex")
    found = changed(example, crm=("response.properties.email: 1", "response.properties.email: 2"))
    row = lines(found)["crm.contacts.get", "more.*", "value_changed"]
    assert row[0] == 3
    assert all("@" not in row.field and not any(c.isdigit() for c in row.field) for row in found.fields)
    assert "@" not in report.draw_markdown(found)


@pytest.mark.parametrize(
    ("field", "named"),
    [
        ("custom_fields.industry_score", "custom_fields.industry_score"),
        ("custom_fields.Größe (EU)", "custom_fields.Größe (EU)"),
        ("custom_fields.ada@example.com", "custom_fields.*"),
        ("more.ada.b@example.com", "more.*"),
        ("more.101", "more.*"),
        ("more.a0b1c2d3-1234-5678-9abc-0123456789ab", "more.*"),
        ("more.+49 171 1234", "more.*"),
        ("2024-01-01", "*"),
        ("more.@type", "more.@type"),
        ("", ""),
    ],
)
def test_what_is_a_name(field: str, named: str) -> None:
    assert nameable(field) == named


def test_what_is_gone_is_known_without_a_recording(example: Path) -> None:
    shutil.rmtree(example / "connectors/hubspot/recordings")
    after = example.parent / "after"
    shutil.copytree(example, after)
    (after / "accounts/acme.yaml").unlink()
    crm = after / "connectors/hubspot/unified/crm.yaml"
    crm.write_text(crm.read_text(encoding="utf-8").replace("    delete:\n", "    remove:\n"), encoding="utf-8")
    found = impact(load_workspace(example), load_workspace(after), processes=1)
    assert status(found) == {"acme": "changed", "globex": "changed", "initech": "unchanged", "umbrella": "changed"}
    assert lines(found)["crm.contacts.delete", "", "operation_missing"] == (3, 0, 0)
    assert lines(found)["crm.contacts.list", "", "operation_missing"] == (1, 0, 0)
    assert found.breaking
    assert Unknown("crm.contacts.remove", "no recording", 2) in found.unknown


def test_another_way_back_is_told(example: Path) -> None:
    paged = ("link_header, size_param: per_page,", "link_header, prev_rel: first, size_param: per_page,")
    found = changed(example, **{"github/connector": paged})
    rows = {(row.operation, row.field, row.kind): (row.records, row.breaking) for row in found.fields}
    assert rows["ticketing.tickets.list", "prev_cursor", "value_changed"][1] is False
    assert {field for _, field, _ in rows} == {"prev_cursor"}
    assert "ticketing.tickets.list prev_cursor" in report.draw_text(found)


@pytest.mark.slow
def test_a_way_back_of_another_request_is_no_news(example: Path) -> None:
    found = changed(example, **{"github/connector": ("size: 100 }", "size: 99 }")})
    assert {row.kind for row in found.fields} == {"request_changed"}


def test_a_field_called_description_is_a_field(example: Path) -> None:
    """It is among the changes of the base, and an override of it conflicts with them."""
    account = example / "accounts" / "acme.yaml"
    own = "  crm.companies.list.response_mapping.description: $uppercase(response.properties.about)\n"
    account.write_text(account.read_text(encoding="utf-8").rstrip() + "\n" + own, encoding="utf-8")
    found = changed(example, crm=("description: response.properties.desc", "description: response.properties.new_desc"))
    rows = {(row.level, row.path.rpartition(".")[2], row.note) for row in (*found.statements, *found.overrides)}
    assert rows == {
        ("base", "description", "changed"),
        ("account", "description", "conflict: the value it was written over has changed"),
    }


def rename(folder: Path, old: str, new: str) -> Path:
    path = folder / "accounts" / f"{new}.yaml"
    (folder / "accounts" / f"{old}.yaml").rename(path)
    return path


def test_a_renamed_account_is_compared_with_itself(example: Path) -> None:
    after = example.parent / "after"
    shutil.copytree(example, after)
    rename(after, "acme", "acme_corp")
    found = impact(load_workspace(example), load_workspace(after), processes=1)
    assert found.renamed == {"acme_corp": "acme"} and "renamed: acme -> acme_corp" in report.draw_text(found)
    assert {(row.operation, row.kind, row.breaking) for row in found.fields} == {("", "account_renamed", True)}
    assert choose_exit(found, ImpactFailOn.BREAKING) is Exit.FINDINGS  # its credential is stored under the other name


def test_what_a_renamed_account_loses_is_told(example: Path) -> None:
    after = example.parent / "after"
    shutil.copytree(example, after)
    path = rename(after, "acme", "acme_corp")
    text = path.read_text(encoding="utf-8").replace("$uppercase(response.properties.email)", "response.gone")
    path.write_text(text, encoding="utf-8")
    found = impact(load_workspace(example), load_workspace(after), processes=1)
    assert found.renamed == {"acme_corp": "acme"}
    assert ("crm.contacts.list", "email", "missing") in {(row.operation, row.field, row.kind) for row in found.fields}
    assert "operation_added" not in {row.kind for row in found.fields}


def test_an_account_that_went_and_another_that_came_are_two(example: Path) -> None:
    after = example.parent / "after"
    shutil.copytree(example, after)
    (after / "accounts" / "acme.yaml").unlink()
    (after / "accounts" / "newco.yaml").write_text("connector: github\n", encoding="utf-8")
    found = impact(load_workspace(example), load_workspace(after), processes=1)
    assert found.renamed == {}
    assert {row.kind for row in found.fields} == {"operation_missing", "operation_added"}


def own_rows(found: Impact) -> set[tuple[str, str, bool, int, int]]:
    return {(row.field, row.kind, row.breaking, row.accounts, row.own) for row in found.fields}


def test_a_change_of_an_account_s_own_file_is_its_own(example: Path) -> None:
    found = changed(example, acme=("$uppercase(response.properties.email)", "response.gone"))
    assert own_rows(found) == {(name, "missing", False, 1, 1) for name in ("email", "data.email")}
    assert choose_exit(found, ImpactFailOn.ANY) is Exit.OK


def test_a_change_of_the_base_beside_it_is_not(example: Path) -> None:
    found = changed(
        example,
        acme=("$uppercase(response.properties.email)", "response.gone"),
        crm=("domain: response.properties.domain", "domain: response.gone"),
    )
    mine = {(row.operation, row.field): (row.breaking, row.accounts, row.own) for row in found.fields}
    assert mine["crm.contacts.list", "email"] == (False, 1, 1)
    breaking, accounts, own = mine["crm.companies.list", "domain"]
    assert breaking and accounts > 1 and own == 0
    assert {account.name for account in found.accounts if account.breaking} >= {"acme", "umbrella"}


def test_both_in_one_operation_is_the_base_s(example: Path) -> None:
    """Either file may have lost the field, so the change counts for every account."""
    found = changed(
        example,
        acme=("$uppercase(response.properties.email)", "$base.email"),
        crm=("email: response.properties.email", "email: response.gone"),
    )
    rows = [row for row in found.fields if (row.operation, row.field) == ("crm.contacts.list", "email")]
    assert rows and all(row.own == 0 and row.breaking for row in rows)


def test_its_own_change_breaks_where_the_schema_is_violated(example: Path) -> None:
    found = changed(example, acme=("$uppercase(response.properties.email)", "7"))
    rows = {row.kind: (row.breaking, row.own) for row in found.fields if row.operation == "crm.contacts.list"}
    assert rows["schema_violated"] == (True, 1) and rows["type_changed"] == (False, 1)
    assert choose_exit(found, ImpactFailOn.BREAKING) is Exit.FINDINGS


def test_a_value_of_its_context_is_its_own_change(tmp_path: Path) -> None:
    before = tmp_path / "before"
    files = {
        "conn.yaml": "version: 1\n",
        "accounts/a.yaml": "connector: shop\ncontext: {region: eu}\n",
        "connectors/shop/connector.yaml": "base_url: https://shop.example\nresources: {things: {list: {method: get, "
        "path: /things}}}\n",
        "connectors/shop/unified/m.yaml": "resources:\n  things:\n    list:\n      response_mapping: {id: response.id, "
        "region: context.region}\n",
        "connectors/shop/recordings/m.things.list.json": json.dumps({
            "format": 1, "connector": "shop", "operation": "m.things.list", "source": "sample",
            "recorded_at": "2026-01-01T00:00:00Z", "base_url": "https://shop.example", "exchanges": [{
                "request": {"method": "GET", "url": "https://shop.example/things"},
                "response": {"status": 200, "body": [{"id": "1"}]}}],
        }),
    }  # fmt: skip
    for name, text in files.items():
        (before / name).parent.mkdir(parents=True, exist_ok=True)
        (before / name).write_text(text, encoding="utf-8")
    found = changed(before, a=("{region: eu}", "{}"))
    assert own_rows(found) == {("region", "missing", False, 1, 1)}


def test_equal_counts_of_different_changes_are_told_apart(example: Path) -> None:
    digests = []
    for text in ("response.properties.firstname", "response.properties.lastname"):
        found = changed(example, crm=("email: response.properties.email", f"email: {text}"))
        (digest,) = {
            row.digest
            for row in found.consequences
            if (row.operation, row.field, row.kind) == ("crm.contacts.get", "email", "value_changed")
        }
        digests.append(digest)
        shutil.rmtree(example.parent / "after")
    assert digests[0] != digests[1]


def test_a_request_schema_in_a_file_of_its_own_is_part_of_an_operation(tmp_path: Path) -> None:
    folder = tmp_path / "connectors/shop"
    folder.mkdir(parents=True)
    (tmp_path / "conn.yaml").write_text("version: 1\n", encoding="utf-8")
    (folder / "connector.yaml").write_text(
        "base_url: https://api.example.com\n"
        "resources: {people: {create: {method: post, path: /people, request_schema: people.json}}}\n",
        encoding="utf-8",
    )

    def digest(schema: str) -> str:
        (folder / "people.json").write_text(schema, encoding="utf-8")
        effective = load_workspace(tmp_path).effective(account=None, connector="shop")
        return Slicer(Digests()).cut(effective, effective.resolve("people.create")).digest

    assert digest('{"properties": {"a": {}}}') == digest('{"properties": {"a": {}}}')
    assert digest('{"properties": {"a": {}}}') != digest('{"properties": {"b": {}}}')
