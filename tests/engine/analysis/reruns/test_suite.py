"""What `WatchedSuite` runs again after a change, counted in operations, and which results it reports."""

import json
import shutil
from pathlib import Path

import pytest
from measuring import count_calls

from conn_engine.analysis.reruns import SuiteChanges, WatchedSuite
from conn_engine.config import load_workspace
from conn_engine.errors import ConfigurationError
from conn_engine.testing.keyword import KeywordExpression
from conn_engine.testing.selection import Selection

MAPPING = "connectors/hubspot/unified/crm.yaml"
FIRST_NAME = "first_name: response.properties.firstname"


class Desk:
    """A workspace in which files are saved; `watched` has the results of its contacts."""

    def __init__(self, root: Path, selection: Selection) -> None:
        self.root = root
        self.watched = WatchedSuite(load_workspace(root), selection)
        self.watched.run()

    def save(self, name: str, text: str | None) -> SuiteChanges:
        """Write or remove a file, and run what it reaches."""
        path = self.root / name
        if text is None:
            path.unlink()
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return self.watched.update([path])

    def replace(self, name: str, old: str, new: str) -> SuiteChanges:
        text = (self.root / name).read_text()
        assert old in text
        return self.save(name, text.replace(old, new))


@pytest.fixture
def desk(small: Path, tmp_path: Path) -> Desk:
    shutil.copytree(small, tmp_path, dirs_exist_ok=True)
    selection = Selection(("contacts.list", "contacts.get", "companies.list"), connector="hubspot")
    return Desk(tmp_path, selection)


def names(reports: list) -> list[str]:
    return sorted(f"{report.name.text} {report.effective.account}" for report in reports)


def test_a_changed_mapping_runs_the_operations_that_use_it(desk: Desk) -> None:
    """`companies.list` is reached, but nothing that its result depends on has changed."""
    changes = desk.replace(MAPPING, FIRST_NAME, "first_name: response.properties.frstname")
    assert (changes.reached, changes.tested, changes.failures) == (9, 6, 6)
    assert names(changes.failing) == sorted(
        f"crm.contacts.{method} {account}" for method in ("list", "get") for account in ("acme", "globex", "umbrella")
    )
    changes = desk.replace(MAPPING, "first_name: response.properties.frstname", FIRST_NAME)
    assert (changes.tested, len(changes.passing), changes.failing, changes.failures) == (6, 6, [], 0)


def test_nothing_runs_if_only_a_comment_has_changed(desk: Desk) -> None:
    changes = desk.replace(MAPPING, "resources:", "# a comment\nresources:")
    assert (changes.reached, changes.tested) == (9, 0)


def test_an_account_reaches_only_itself(desk: Desk) -> None:
    changes = desk.replace("accounts/acme.yaml", "connector: hubspot", "connector: hubspot\n# a comment")
    assert (changes.reached, changes.tested) == (3, 0)
    changes = desk.replace("accounts/globex.yaml", "[$base.last_name, $base.first_name]", "[$base.last_name]")
    assert (changes.reached, changes.tested) == (3, 2)
    changes = desk.replace("accounts/globex.yaml", "[$base.last_name]", "[$base.last_name.x.y(]")
    assert names(changes.failing) == ["crm.contacts.get globex", "crm.contacts.list globex"]


def test_the_result_of_an_overridden_account_depends_on_the_base(desk: Desk) -> None:
    """acme overrides email, so its own slice stays the same; the comparison with the base does not."""
    changes = desk.replace(MAPPING, "email: response.properties.email\n", "email: response.properties.mail\n")
    assert {report.effective.account for report in changes.failing} >= {"acme"}


@pytest.mark.parametrize("folder", ["recordings", "expected"])
def test_a_recording_or_golden_reaches_its_operation(desk: Desk, folder: str) -> None:
    name = f"connectors/hubspot/{folder}/crm.contacts.get.json"
    text = (desk.root / name).read_text()
    changes = desk.save(name, text.replace("Okonkwo", "Okonkwe"))
    assert changes.tested == 3
    assert {report.name.text for report in changes.failing} == {"crm.contacts.get"}
    assert len(desk.save(name, text).passing) == 3


def test_a_removed_golden_and_an_added_recording_are_seen(desk: Desk) -> None:
    name = "connectors/hubspot/expected/crm.contacts.get.json"
    text = (desk.root / name).read_text()
    assert desk.save(name, None).tested == 3
    assert desk.save(name, text).failures == 0
    recording = (desk.root / "connectors/hubspot/recordings/crm.contacts.get.json").read_text()
    added = recording.replace('"scenario": "default"', '"scenario": "again"')
    assert added != recording or '"scenario"' not in recording
    changes = desk.save("connectors/hubspot/recordings/crm.contacts.get.again.json", added)
    assert changes.tested == 3


def test_conn_yaml_and_models_run_everything(desk: Desk) -> None:
    changes = desk.replace("conn.yaml", "\n", "\n# a comment\n")
    assert (changes.reached, changes.tested) == (9, 9)


def test_accounts_appear_and_vanish(desk: Desk) -> None:
    changes = desk.save("accounts/newco.yaml", "connector: hubspot\ncontext: {portal_id: '1'}\n")
    assert changes.tested == 3
    changes = desk.save("accounts/newco.yaml", None)
    assert {key.account for key in changes.gone} == {"newco"}
    assert changes.tested == 0


def test_an_operation_that_is_renamed_is_gone(desk: Desk) -> None:
    path = desk.root / "connectors/hubspot/recordings/crm.companies.list.json"
    assert path.is_file()
    changes = desk.replace(MAPPING, "  companies:\n", "  firms:\n")
    assert {key.operation for key in changes.gone} == {"crm.companies.list"}


def test_a_document_that_is_saved_half_written_is_run_when_it_is_complete(desk: Desk) -> None:
    text = (desk.root / MAPPING).read_text()
    with pytest.raises(ConfigurationError) as caught:
        desk.save(MAPPING, text[:200] + "\n  - {")
    assert caught.value.findings
    assert len(desk.watched.reports) == 9
    other = desk.root / "accounts/acme.yaml"
    other.write_text(other.read_text() + "# a comment\n")
    with pytest.raises(ConfigurationError):
        desk.watched.update([other])  # the mapping is still broken
    (desk.root / MAPPING).write_text(text.replace(FIRST_NAME, "first_name: response.properties.frstname"))
    assert len(desk.watched.update([desk.root / MAPPING]).failing) == 6


def test_a_failure_that_fails_differently_is_reported_again(desk: Desk) -> None:
    desk.replace(MAPPING, FIRST_NAME, "first_name: response.properties.frstname")
    changes = desk.replace(
        MAPPING, "first_name: response.properties.frstname", "first_name: response.properties.lastname"
    )
    assert (len(changes.differing), changes.failing, changes.failures) == (6, [], 6)
    changes = desk.replace("accounts/acme.yaml", "connector: hubspot", "# a comment\nconnector: hubspot")
    assert (changes.tested, changes.differing) == (2, [])


def test_results_equal_those_of_a_full_run(desk: Desk) -> None:
    desk.replace(MAPPING, FIRST_NAME, "first_name: response.properties.lastname")
    desk.replace("accounts/globex.yaml", "connector: hubspot", "# a comment\nconnector: hubspot")
    full = Desk(desk.root, desk.watched.selection).watched
    assert desk.watched.reports.keys() == full.reports.keys()
    for key, report in full.reports.items():
        assert desk.watched.reports[key].all_findings == report.all_findings


def test_a_selection_limits_what_a_change_reaches(small: Path, tmp_path: Path) -> None:
    shutil.copytree(small, tmp_path, dirs_exist_ok=True)
    keyword = KeywordExpression("contacts.get and globex and not_found")
    desk = Desk(tmp_path, Selection(keyword=keyword))
    changes = desk.replace(MAPPING, FIRST_NAME, "first_name: response.properties.frstname")
    assert (changes.reached, changes.tested, changes.failures) == (1, 1, 0)
    changes = desk.save("accounts/initech.yaml", json.dumps({"connector": "github", "environment": "production"}))
    assert changes.reached == 0


def test_requests_are_sent_again_only_if_they_or_their_recording_changed(desk: Desk) -> None:
    changes = desk.replace(MAPPING, FIRST_NAME, "first_name: response.properties.frstname")
    assert changes.sent == 1  # the recording of the listing with a step of globex, which needs the complete run
    name = "connectors/hubspot/recordings/crm.contacts.get.json"
    assert desk.replace(name, "Okonkwo", "Okonkwe").sent > 0
    changes = desk.replace("connectors/hubspot/connector.yaml", "api.hubapi.com", "api.hubapi.eu")
    assert (changes.tested, changes.sent > 0) == (9, True)


def test_a_folder_that_is_moved_is_read_again(desk: Desk) -> None:
    """Moving a folder is one change, of the folder; its files are not reported."""
    folder = desk.root / "connectors/hubspot"
    mapping = (desk.root / MAPPING).read_text()
    shutil.copytree(folder, desk.root / "other")
    (desk.root / "other/unified/crm.yaml").write_text(mapping.replace(FIRST_NAME, "first_name: response.x"))
    folder.rename(desk.root / "old")
    (desk.root / "other").rename(folder)
    assert desk.watched.update([folder, desk.root / "old", desk.root / "other"]).failures == 6
    recordings = folder / "recordings"
    recordings.rename(desk.root / "recordings")
    changes = desk.watched.update([recordings])
    assert (changes.tested, changes.failures) == (9, 0)
    assert not any(report.recorded for report in desk.watched.reports.values())


def test_accounts_that_are_moved_are_read_again(desk: Desk) -> None:
    accounts = desk.root / "accounts"
    (accounts / "acme.yaml").write_text(
        "connector: hubspot\noverride: {crm: {contacts: {response_mapping: {id: $error('x')}}}}\n"
    )
    assert {report.effective.account for report in desk.watched.update([accounts]).failing} == {"acme"}


def test_a_save_costs_a_part_of_the_first_run(example: Path, tmp_path: Path) -> None:
    """A mapping that many operations and deliveries of three accounts use; `benchmarks/watch.py` measures the time."""
    shutil.copytree(example, tmp_path, dirs_exist_ok=True)
    desks: list[Desk] = []
    first = count_calls(lambda: desks.append(Desk(tmp_path, Selection(connector="hubspot"))))
    changes: list[SuiteChanges] = []
    mapping = "first_name: response.properties.frstname"
    saved = count_calls(lambda: changes.append(desks[0].replace(MAPPING, FIRST_NAME, mapping)))
    assert changes[0].reached > changes[0].tested > 40
    assert saved < 0.75 * first


def test_what_a_failed_run_did_not_reach_runs_later(small: Path, tmp_path: Path) -> None:
    """Two files are saved together, one of them half-written; only that one is saved again."""
    shutil.copytree(small, tmp_path, dirs_exist_ok=True)
    desk = Desk(tmp_path, Selection(("*.list",)))
    mapping, account = desk.root / MAPPING, desk.root / "accounts/initech.yaml"
    text = mapping.read_text()
    mapping.write_text("resources: {")
    account.write_text("connector: github\noverride: {ticketing: {tickets: {response_mapping: {id: $error('x')}}}}\n")
    with pytest.raises(ConfigurationError):
        desk.watched.update([mapping, account])
    assert {report.effective.account for report in desk.save(MAPPING, text).failing} == {"initech"}


def test_a_base_setting_that_an_account_overrides_is_part_of_its_comparison(desk: Desk) -> None:
    """umbrella's environment sets the base URL, so its own configuration does not change."""
    changes = desk.replace("connectors/hubspot/connector.yaml", "https://api.hubapi.com", "https://api.hubapi.com/v9")
    assert changes.tested == 9
