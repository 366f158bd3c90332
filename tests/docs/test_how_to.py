"""Every `console` block of the documentation runs and shows what it says (`page_session`).

Those of the tutorials that use a shell, or a worker of syncs, run in tests/readme and tests/service.
"""

import base64
import json
import os
import re
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from examples import DOCS
from page_session import PageSession, play_page
from signed_events import check_application, read_program, start_application

from conn_engine.documents import find_markdown_blocks
from conn_engine.syncs import build_event
from conn_service.delivery.signatures import parse_signing_key, sign

PLAYED = re.compile(r"^```console", re.MULTILINE)
ELSEWHERE = re.compile(r"^\$ conn init (?:--example tour|tour --example) ", re.MULTILINE)
PAGES = [
    path
    for path in sorted(DOCS.rglob("*.md"))
    if PLAYED.search(text := path.read_text(encoding="utf-8")) and not ELSEWHERE.search(text)
]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(DOCS).as_posix())
def test_the_commands_of_a_page_show_what_it_says(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    page = path.read_text(encoding="utf-8")
    session = PageSession(tmp_path.resolve(), has_workspace="$ conn init integrations" not in page)
    text = play_page(page, session)
    if session.differences and os.environ.get("CONN_WRITE_SCENARIOS"):
        path.write_text(text, encoding="utf-8")
        return
    assert not session.differences, "\n\n".join(session.differences)


def test_the_receiver_shown_refuses_what_is_not_signed(monkeypatch: pytest.MonkeyPatch) -> None:
    page = (DOCS / "how-to/deliver-events.md").read_text(encoding="utf-8")
    secret = "whsec_" + base64.b64encode(bytes(range(32))).decode()
    monkeypatch.setenv("INGEST_SECRET", secret)
    stored: list[Any] = []
    shown: dict[str, Any] = {"store": lambda *event: stored.append(event)}
    exec(next(block.text for block in find_markdown_blocks(page) if block.language == "python"), shown)
    event = build_event(
        sync="people", account="acme", type_="person.updated", key="1", data={"id": 1}, version="1", began=time.time()
    )
    body, now = json.dumps(event.body).encode(), int(time.time())
    signature = sign([parse_signing_key(secret)], event.id, now, body)
    headers = {"webhook-id": event.id, "webhook-timestamp": str(now), "webhook-signature": signature}
    assert shown["receive"](body + b" ", headers) == 401
    assert shown["receive"](body, headers) == 204
    assert stored == [(event.id, "person.updated", "acme", {"id": 1})]


def test_the_application_of_receive_events_md_takes_what_is_signed_once(tmp_path: Path) -> None:
    """Those in other languages run in tests/servers/test_receivers.py."""
    (tmp_path / "receiver.py").write_text(read_program("python"))
    with start_application([sys.executable, "receiver.py"], tmp_path) as (url, output):
        check_application(url, output, tmp_path)


def test_a_block_with_a_vendor_is_not_left_out(tmp_path: Path) -> None:
    page = """
```yaml
base_url: https://api.example.com
resources: { people: { path: /people, list: {} } }
```
<!-- $ write accounts/acme.yaml "connector: shop" -->
<!-- vendor GET /people [{"id": 1}] -->
```console live
$ conn run people.list --account acme --raw
{"id": 1}
…
```
"""
    for text, differs in ((page, False), (page.replace('{"id": 1}\n…', '{"id": 2}\n…'), True)):
        session = PageSession(tmp_path)
        play_page(text, session)
        assert bool(session.differences) == differs, session.differences


def test_a_wrong_output_and_a_wrong_code_are_found(tmp_path: Path) -> None:
    for text, differs in (
        ("```console\n$ conn schema crm.deal --format json\n…\n```", False),
        ("```console\n$ conn schema crm.deal --format json\nwrong\n```", True),
        ("```console exit=1\n$ conn schema crm.deal --format json\n…\n```", True),
    ):
        session = PageSession(tmp_path)
        play_page(text, session)
        assert bool(session.differences) == differs
