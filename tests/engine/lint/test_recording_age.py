"""Live recordings get old by the time stored in them; recordings from a document never do."""

import os
import shlex
from pathlib import Path

import pytest
from bad_workspaces import RECORDING, TAPE, make

from conn_engine.config import Workspace, load_workspace
from conn_engine.lint import lint_paths
from conn_engine.lint.recording_rules import RecordingAges
from conn_engine.wire import FrozenClock

DAY = 86_400
RECORDED = 1_767_225_600  # 2026-01-01T00:00:00Z
LIVE = RECORDING.replace('"sample"', '"live"')
FOLDER = "connectors/demo/recordings"


def write(root: Path, files: dict[str, str]) -> Path:
    make(root)
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def ages(root: Path, days: float) -> list[tuple[str, str, str]]:
    findings = lint_paths(root, [], FrozenClock(RECORDED + days * DAY)).findings
    return [(f.message, f.hint, f.severity.name) for f in findings if f.code == "REC180"]


def test_a_live_recording_is_old_after_half_a_year(tmp_path):
    write(tmp_path, {TAPE: LIVE})
    assert ages(tmp_path, 180) == []
    [(message, hint, severity)] = ages(tmp_path, 180.5)
    assert message == "crm.contacts.list was recorded on 2026-01-01, longer ago than `recordings.max_age` (P180D)"
    assert ages(tmp_path, 999)[0][0] == message  # a baseline still accepts it
    assert hint == "record it again: conn record crm.contacts.list --account me --force"
    assert severity == "WARNING"
    assert ages(tmp_path, -400) == []


@pytest.mark.parametrize("source", ["contract", "sample", "har"])
def test_other_recordings_never_are(tmp_path, source):
    write(tmp_path, {TAPE: LIVE.replace('"live"', f'"{source}"')})
    assert ages(tmp_path, 10_000) == []


def test_the_time_of_the_file_does_not_matter(tmp_path):
    write(tmp_path, {TAPE: LIVE})
    os.utime(tmp_path / TAPE, (RECORDED + 300 * DAY,) * 2)
    assert len(ages(tmp_path, 300)) == 1
    os.utime(tmp_path / TAPE, (0, 0))
    assert ages(tmp_path, 100) == []


@pytest.mark.parametrize(
    ("max_age", "days", "found"),
    [("P90D", 89, 0), ("P90D", 91, 1), ("P2W", 15, 1), ("P12M", 364, 0), ("P12M", 366, 1), ("never", 10_000, 0)],
)
def test_the_workspace_sets_the_age(tmp_path, max_age, days, found):
    write(tmp_path, {TAPE: LIVE, "conn.yaml": f"version: 1\nrecordings: {{max_age: {max_age}}}\n"})
    assert len(ages(tmp_path, days)) == found


@pytest.mark.parametrize("max_age", ["180d", "180", "P0.5D", "PT4H", "P1Y", "P99999D", "[]"])
def test_another_form_of_age_is_an_error(tmp_path, max_age):
    write(tmp_path, {TAPE: LIVE, "conn.yaml": f"version: 1\nrecordings: {{max_age: {max_age}}}\n"})
    [(file, message)] = [
        (finding.span.file, finding.message)
        for finding in lint_paths(tmp_path, [], FrozenClock(RECORDED)).findings
        if finding.code.startswith("CFG")
    ]
    assert file == "conn.yaml"
    assert max_age in ("[]", "180") or "expected an age such as P90D, P12W or P6M, or never" in message


@pytest.mark.parametrize(
    ("call", "command"),
    [
        ('{"id": "a b"}', "--param 'id=a b'"),
        ('{"query": {"limit": 5, "ids": ["1"], "q": "x"}, "pages": 2, "wait": true}',
         """--param limit=5 --param 'ids=["1"]' --param q=x --pages 2 --wait"""),
        ('{"params": {"board": "7"}, "body": {"name": "O\'Hara"}}',
         """--param board=7 --body '{"name": "O'"'"'Hara"}' --send"""),
        ('{"body": {"text": "' + "x" * 600 + '"}}', "--body @FILE --send"),
        ('{"files": {"photo": {"text": "x"}}}', "--file photo=PATH"),
    ],
)  # fmt: skip
def test_the_command_repeats_the_call(tmp_path, call, command):
    write(tmp_path, {TAPE: LIVE.replace('"call": {}', f'"call": {call}')})
    [(_, hint, _)] = ages(tmp_path, 200)
    assert hint == f"record it again: conn record crm.contacts.list --account me {command} --force"
    assert shlex.split(hint)


def test_the_command_names_scenario_account_and_level(tmp_path):
    own = LIVE.replace('"scenario": "default"', '"scenario": "empty", "account": "me"')
    raw = LIVE.replace("crm.contacts.list", "contacts.list")
    files = {TAPE: RECORDING, f"{FOLDER}/me/crm.contacts.list.empty.json": own, f"{FOLDER}/contacts.list.json": raw}
    write(tmp_path, {**files, "accounts/other.yaml": "connector: demo\n"})
    assert [hint.removeprefix("record it again: ") for _, hint, _ in ages(tmp_path, 200)] == [
        "conn record contacts.list --account ACCOUNT --raw --force",
        "conn record crm.contacts.list --account me --own --scenario empty --force",
    ]


def test_the_oldest_is_first_and_a_broken_one_is_left_out(tmp_path):
    older = LIVE.replace("2026-01-01", "2025-01-01").replace('"default"', '"older"')
    files = {TAPE: LIVE, f"{FOLDER}/older.json": older, f"{FOLDER}/broken.json": "{"}
    workspace = load_workspace(write(tmp_path, {**files, f"{FOLDER}/no_time.json": LIVE.replace("2026-01-01T", "x")}))
    found = RecordingAges(workspace, RECORDED + 200 * DAY).find_outdated()
    assert [finding.span.file for finding in found] == [f"{FOLDER}/older.json", TAPE]


def test_accounts_are_read_once_for_all_recordings(tmp_path, monkeypatch):
    files = {f"{FOLDER}/case{number}.json": LIVE for number in range(5)}
    workspace = load_workspace(write(tmp_path, {**files, "accounts/other.yaml": "connector: demo\n"}))
    read = []
    original = Workspace.document
    monkeypatch.setattr(Workspace, "document", lambda self, *place: read.append(place) or original(self, *place))
    assert len(RecordingAges(workspace, RECORDED + 200 * DAY).find_outdated()) == 5
    assert read == [("account", "me"), ("account", "other")]
