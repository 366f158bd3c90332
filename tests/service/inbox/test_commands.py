"""`conn inbox`: what was received, and its events again."""

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from inbox_bench import InboxBench, changed

from conn_cli.exits import Exit

sys.path.append(str(Path(__file__).resolve().parents[2] / "cli"))

import transcript


@pytest.fixture
def stored(inbox: InboxBench) -> InboxBench:
    """A delivery that is done, one that has failed, and one that was refused."""
    inbox.send(changed())
    inbox.send({"type": "new", "id": "e2"})
    inbox.send(changed(id_="e3"), secret="wrong")
    for number in (1, 2):
        inbox.expander.expand(number)
    return inbox


def run(inbox: InboxBench, *words: str) -> Any:
    return transcript.conn(inbox.root, "inbox", *words, "--store", str(inbox.service.location.file))


def test_the_list_shows_what_came_of_each(stored: InboxBench) -> None:
    done = run(stored, "list")
    assert done.code == Exit.OK
    lines = done.out.splitlines()
    assert [line.split()[:3] for line in lines[:3]] == [
        ["3", "2023-11-14T22:13:20Z", "refused"],
        ["2", "2023-11-14T22:13:20Z", "failed"],
        ["1", "2023-11-14T22:13:20Z", "done"],
    ]
    assert lines[3] == "1 done, 1 failed, 1 refused"
    assert all(len(line) <= 80 for line in lines)
    report = json.loads(run(stored, "list", "--status", "failed", "--account", "acme", "--format", "json").out)
    assert [row["number"] for row in report["deliveries"]] == [2]
    assert run(stored, "list", "--status", "fialed").code == Exit.USAGE


def test_show_has_the_events_and_what_endpoints_got(stored: InboxBench) -> None:
    text = run(stored, "show", "1").out
    assert text.startswith("delivery 1 to shop/acme at 2023-11-14T22:13:20Z: done, verified by hmac\n")
    assert "  event crm.contact.updated · acme · evt_" in text
    assert "  endpoints: 1 waiting" in text
    report = json.loads(run(stored, "show", "2", "--format", "json").out)
    assert report["kind"] == "inbox-delivery"
    assert report["delivery"]["fix"]
    assert "s3cret" not in json.dumps(report)
    assert run(stored, "show", "9").code == Exit.USAGE


def test_a_failed_delivery_is_replayed(stored: InboxBench) -> None:
    done = run(stored, "replay", "--failed")
    assert done.out == "1 delivery to replay; a worker makes the events\n"
    assert [row.status for row in stored.store.find()] == ["refused", "waiting", "done"]
    assert run(stored, "replay", "1").code == Exit.OK
    assert run(stored, "replay", "3").code == Exit.USAGE, "a refused one has no content"
    assert run(stored, "replay").code == Exit.USAGE
    assert run(stored, "replay", "1", "--failed").code == Exit.USAGE


def test_a_day_is_replayed(stored: InboxBench) -> None:
    assert run(stored, "replay", "--since", "2023-11-15").out.startswith("0 deliveries")
    assert run(stored, "replay", "--since", "2023-11-14").out.startswith("2 deliveries")
    day = ("replay", "--since", "2023-11-14", "--until")
    assert run(stored, *day, "2023-11-14T22:13:20Z").out.startswith("0 deliveries"), "the end is not of it"
    assert run(stored, *day, "2023-11-15").out.startswith("2 deliveries")
    assert run(stored, "replay", "1", "--until", "2023-11-15").code == Exit.USAGE
    assert run(stored, "replay", "--since", "yesterdayish").code == Exit.USAGE


def test_the_commands_of_replay_deliveries_md_work(stored: InboxBench) -> None:
    stored.send(changed(id_="e4"))
    page = Path(__file__).resolve().parents[3] / "docs/how-to/replay-deliveries.md"
    lines = re.findall(r"^\$ conn inbox (.*)$", page.read_text("utf-8"), re.MULTILINE)
    assert len(lines) > 3
    assert {line: run(stored, *line.split()).code for line in lines} == dict.fromkeys(lines, Exit.OK)
