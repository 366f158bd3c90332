"""Every example of the documentation is linted as a workspace, and does what the page says that it does."""

import json
from pathlib import Path
from threading import Thread
from typing import Any
from wsgiref.simple_server import make_server

import httpx
import pytest
from examples import DOCS, REFERENCE, Example, build, examples, findings, play, same

from conn_engine.config import load_workspace
from conn_engine.documents import find_markdown_blocks
from conn_engine.lint.linter import lint_paths
from conn_engine.recordings.files import load_recording
from conn_engine.runtime.webhooks import Event
from conn_engine.webhooks.recorded import load_delivery

GENERATED = ("functions.md", "lint-codes.md")  # the first is run by its own test; the second shows how not to write
PAGES = [path for path in sorted(DOCS.rglob("*.md")) if path.name not in GENERATED]
EXAMPLES = [example for path in PAGES for example in examples(path)]


@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_an_example_is_sound_and_true(example: Example, tmp_path: Path) -> None:
    build(example, tmp_path)
    assert findings(tmp_path) == []
    for _, _, told in example.runs:
        real = play(load_workspace(tmp_path), told)
        assert same(told, real), f"{example}: what really happens is\n{real}"


def test_the_pages_themselves_are_linted() -> None:
    assert lint_paths(DOCS, [DOCS]).findings == []


def test_the_recordings_shown_are_recordings(tmp_path: Path) -> None:
    shown = [
        block for block in find_markdown_blocks((REFERENCE / "recordings.md").read_text()) if block.language == "json"
    ]
    for number, block in enumerate(shown):
        path = tmp_path / f"{number}.json"
        path.write_text(block.text)
        assert load_recording(path).exchanges
    assert len(shown) == 2


def test_a_transcript_that_is_not_true_is_told(tmp_path: Path) -> None:
    workspace = build(Example("page.md", 1), tmp_path)
    true = '$ conn run people.list\n> GET /people\n< 200 {"items": [{"id": 1}]}\n= [{"id": 1}]\n'
    assert same(true, play(workspace, true))
    for wrong in (
        true.replace("/people", "/person"),
        true.replace('= [{"id": 1}]', "= []"),
        true.replace("> GET /people\n", "> GET /people\n> Accept: text/csv\n"),
        true + "~ 1 s\n",
    ):
        assert not same(wrong, play(workspace, wrong))


def _shown(language: str, page_name: str) -> list[str]:
    page = (REFERENCE / page_name).read_text(encoding="utf-8")
    return [block.text for block in find_markdown_blocks(page) if block.language == language]


def test_the_deliveries_shown_are_deliveries(tmp_path: Path) -> None:
    (event,) = _shown("json", "webhooks.md")
    deliveries = _shown("json", "webhook-receiving.md")
    assert list(json.loads(event)) == list(Event("i", "t", None, "c", None, None).plain())
    for number, text in enumerate(deliveries):
        path = tmp_path / f"{number}.json"
        path.write_text(text)
        assert load_delivery(path).url == "https://hooks.example.com/in"
    assert len(deliveries) == 3


def test_the_forwarded_request_shown_is_signed() -> None:
    event = Event("evt_1", "crm.contact.updated", "acme", "shop", None, {"id": "7"})
    shown: dict[str, Any] = {"event": event, "secret": "whsec_" + "QUJD" * 8, "now": 1_760_000_000}
    exec(_shown("python", "webhook-receiving.md")[1], shown)
    names = ("webhook-id", "webhook-timestamp", "webhook-signature")
    assert [name for name in names if name not in shown["request"].headers] == []


def test_the_server_shown_receives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    for name, text in {
        "conn.yaml": "version: 1\n",
        "connectors/shop/connector.yaml": "base_url: https://api.example.com\nresources: {}\nwebhooks:\n"
        '  verify: {format: token, config: {token: \'headers."x-token"\', key: "{{env.HOOK}}"}}\n'
        "  events: {type: body.type, record: url}\n",
        "accounts/acme.yaml": "connector: shop\n",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOOK", "s3cret")
    monkeypatch.setenv("CONN_NO_KEYRING", "1")
    shown: dict[str, Any] = {}
    exec(_shown("python", "webhook-receiving.md")[0], shown)  # the page's own text
    server = make_server("127.0.0.1", 0, shown["application"])
    Thread(target=server.serve_forever, daemon=True).start()

    def answered(path: str, token: str) -> int:
        url = f"http://127.0.0.1:{server.server_port}{path}"
        sent = {"x-token": token, "content-type": "application/json"}
        return httpx.post(url, content=b'{"type": "made"}', headers=sent, trust_env=False).status_code

    try:
        assert answered("/acme?a=%20", "s3cret") == 200
        assert "'data': 'https://hooks.example.com/acme?a=%20'" in capsys.readouterr().out
        assert [answered("/acme", "guess"), answered("/none", "s3cret")] == [401, 404]
        assert capsys.readouterr().out == ""
    finally:
        server.shutdown()
        server.server_close()
