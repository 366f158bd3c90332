"""What `WatchedLint` checks again after a change, counted in files, and which findings it reports."""

import shutil
from pathlib import Path

import pytest

from conn_engine.analysis.reruns import LintChanges, WatchedLint
from conn_engine.errors import UsageError
from conn_engine.lint import lint_paths

CONNECTOR = "connectors/hubspot/connector.yaml"
MAPPING = "connectors/hubspot/unified/crm.yaml"


class Desk:
    """A workspace in which files are saved while they are linted."""

    def __init__(self, root: Path, *paths: str) -> None:
        self.root = root
        self._paths = [Path(path) for path in paths]
        self.watched = WatchedLint(root, self._paths)
        self.watched.run()

    def replace(self, name: str, old: str, new: str) -> LintChanges:
        text = (self.root / name).read_text()
        assert old in text
        return self.save(name, text.replace(old, new, 1))

    def save(self, name: str, text: str | None) -> LintChanges:
        path = self.root / name
        if text is None:
            path.unlink()
        else:
            path.write_text(text)
        changes = self.watched.update([path])
        full = lint_paths(self.root, self._paths)
        assert self.watched.findings == full.findings, "the findings are those of a full run"
        return changes


@pytest.fixture
def desk(example: Path, tmp_path: Path) -> Desk:
    shutil.copytree(example, tmp_path, dirs_exist_ok=True)
    return Desk(tmp_path)


def codes(findings: list) -> list[str]:
    return [f"{finding.span.file}:{finding.span.line} {finding.code}" for finding in findings]


def test_a_mapping_reaches_its_connector_and_accounts(desk: Desk) -> None:
    changes = desk.replace(MAPPING, "  contacts:\n", "  contacts:\n    respons_mapping: {}\n")
    assert codes(changes.new) == [f"{MAPPING}:6 CFG101"]
    hubspot = len(list((desk.root / "connectors/hubspot").rglob("*.json")))
    goldens = len(list((desk.root / "connectors/hubspot/expected").rglob("*.json")))
    assert changes.files == 3 + hubspot - goldens + 3 + 2 + 1  # documents, recordings, accounts, environments, sync
    changes = desk.replace(MAPPING, "    respons_mapping: {}\n", "")
    assert (changes.new, codes(changes.gone)) == ([], [f"{MAPPING}:6 CFG101"])


def test_an_account_reaches_only_itself(desk: Desk) -> None:
    changes = desk.replace("accounts/acme.yaml", "connector: hubspot", "connector: hubspot\nlabl: x")
    assert (codes(changes.new), changes.files) == (["accounts/acme.yaml:3 CFG101"], 1)
    changes = desk.replace("accounts/acme.yaml", "connector: hubspot", "# a comment\nconnector: hubspot")
    assert (changes.new, changes.gone, changes.files) == ([], [], 1)
    assert codes(desk.watched.findings) == ["accounts/acme.yaml:4 CFG101"]


def test_a_change_of_the_connector_is_found_in_the_accounts(desk: Desk) -> None:
    """The override in acme then equals the level below."""
    same = "email: $uppercase(response.properties.email)\n"
    changes = desk.replace(MAPPING, "email: response.properties.email\n", same)
    assert [finding.span.file for finding in changes.new] == ["accounts/acme.yaml"]


def test_a_change_of_the_connector_is_found_in_the_paths_of_the_proxy(desk: Desk) -> None:
    text = (desk.root / "conn.yaml").read_text()
    assert (
        codes(desk.save("conn.yaml", f"{text}proxy: {{ hubspot: {{ paths: [{{ path: /grant/new }}] }} }}\n").new) == []
    )
    changes = desk.replace(CONNECTOR, "/oauth/v1/token", "/grant/new")
    assert [one.code for one in changes.new if one.span.file == "conn.yaml"] == ["SRV102"]


@pytest.mark.slow
def test_half_written_documents_and_conn_yaml_are_findings(desk: Desk) -> None:
    text = (desk.root / MAPPING).read_text()
    assert codes(desk.save(MAPPING, "resources: {").new)[0].endswith("DOC002")
    assert desk.save(MAPPING, text).new == []
    settings = (desk.root / "conn.yaml").read_text()
    assert any("conn.yaml" in code for code in codes(desk.save("conn.yaml", settings + "strange: 1\n").new))
    desk.save("conn.yaml", "a: [")
    changes = desk.save("conn.yaml", settings)
    assert (bool(changes.gone), desk.watched.findings) == (True, [])


def test_a_connector_that_vanishes_is_missed_everywhere(desk: Desk) -> None:
    text = (desk.root / "connectors/github/connector.yaml").read_text()
    changes = desk.save("connectors/github/connector.yaml", None)
    assert any(finding.span.file == "accounts/initech.yaml" for finding in changes.new)
    assert desk.save("connectors/github/connector.yaml", text).new == []
    assert desk.watched.findings == []


def test_a_recording_is_checked_again(desk: Desk) -> None:
    name = "connectors/hubspot/recordings/crm.contacts.get.json"
    text = (desk.root / name).read_text()
    assert codes(desk.save(name, "{").new)
    assert desk.save(name, text).new == []


def test_chosen_files_limit_what_is_linted(example: Path, tmp_path: Path) -> None:
    shutil.copytree(example, tmp_path, dirs_exist_ok=True)
    (tmp_path / "guide.md").write_text("# Guide\n\n```yaml\nconnector: hubspot\n```\n")
    desk = Desk(tmp_path, "accounts/acme.yaml", "guide.md")
    assert desk.replace("accounts/globex.yaml", "connector: hubspot", "connector: hubspot\nlabl: x").files == 0
    same = "email: $uppercase(response.properties.email)\n"
    assert desk.replace(MAPPING, "email: response.properties.email\n", same).new
    assert desk.save("guide.md", "# Guide\n\n```yaml connector\nbase_url: [\n```\n").files == 1
    with pytest.raises(UsageError):
        WatchedLint(tmp_path, [Path("nothing.yaml")])
