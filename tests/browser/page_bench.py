"""`conn studio` as its own process on a copy of the example, and what a test does in the page."""

import json
import os
import re
import select
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import HTTPRedirectHandler, build_opener

import launching
from browser_bench import open_tab
from playwright.sync_api import Browser, Locator, Page, expect

from conn_cli.scaffold import copy_example

__all__ = [
    "CONTACTS",
    "NOTE_TIMES",
    "ROOT",
    "Studio",
    "add_recording",
    "choose",
    "editor",
    "measure_keys",
    "open_studio",
    "read_record",
    "result",
    "row",
]

expect.set_options(timeout=30_000)
ROOT = Path(__file__).resolve().parents[2]
CONTACTS = "crm.contacts.list"
DEADLINE = 60.0


@dataclass
class Studio:
    """A running page: where it is, its workspace, and the cookie of its session."""

    url: str
    root: Path
    cookie: Mapping[str, Any]

    @contextmanager
    def open(self, browser: Browser, path: str = "", **options: Any) -> Iterator[Page]:
        """Open a tab with the session, and a place of the page in it."""
        with open_tab(browser, **{"viewport": {"width": 1400, "height": 900}, **options}) as page:
            page.context.add_cookies([dict(self.cookie)])  # type: ignore[list-item]
            failures: list[str] = []
            page.on("pageerror", lambda error: failures.append(str(error)))
            page.goto(f"{self.url}/edit{path}")
            yield page
            assert failures == []

    def read(self, name: str) -> str:
        return (self.root / name).read_text("utf-8")


@contextmanager
def open_studio(root: Path, *options: str) -> Iterator[Studio]:
    """Start the page of a workspace, or of the example, on a free port, and stop it by its process ID."""
    if not root.exists():
        copy_example(root)
    environ = {**os.environ, "PYTHONPATH": f"{ROOT / 'cli'}{os.pathsep}{ROOT / 'engine'}"}
    command = [sys.executable, "-m", "conn_cli.main", "studio", "--no-open", *options]
    with (root.parent / f"{root.name}.log").open("wb") as log:
        process = launching.start(command, cwd=root, env=environ, stdout=subprocess.PIPE, stderr=log, text=True)
        try:
            assert process.stdout is not None
            ready, _, _ = select.select([process.stdout], [], [], DEADLINE)
            assert ready, "the page did not start"
            yield _enter(process.stdout.readline().strip(), root)
        finally:
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(30)
                raise


class _Stay(HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


def _enter(url: str, root: Path) -> Studio:
    """Exchange the token for the cookie."""
    base = re.match(r"http://127\.0\.0\.1:\d+", url)
    assert base, url
    try:
        build_opener(_Stay).open(url, timeout=60)
    except OSError as answer:
        name, _, rest = answer.headers["set-cookie"].partition("=")  # type: ignore[attr-defined]
        value = rest.partition(";")[0]
        return Studio(base[0], root, {"name": name, "value": value, "url": base[0]})
    raise AssertionError("the first URL is not redirected")


def add_recording(root: Path, scenario: str, records: list[dict[str, Any]]) -> None:
    """Add a recording of HubSpot's contacts with these records on one page."""
    folder = root / "connectors/hubspot/recordings"
    recording = json.loads((folder / f"{CONTACTS}.one_record.json").read_text("utf-8"))
    recording |= {"scenario": scenario, "exchanges": recording["exchanges"][:1]}
    recording["exchanges"][0]["response"]["body"] = {"results": records}
    (folder / f"{CONTACTS}.{scenario}.json").write_text(json.dumps(recording), "utf-8")


def read_record(root: Path) -> dict[str, Any]:
    """Return a record of HubSpot's contacts."""
    path = root / f"connectors/hubspot/recordings/{CONTACTS}.one_record.json"
    record: dict[str, Any] = json.loads(path.read_text("utf-8"))["exchanges"][0]["response"]["body"]["results"][0]
    return record


def row(page: Page, field: str) -> Locator:
    """The row of a field in the mapping."""
    return page.locator(f"#mapping button.row[data-field='{field}']")


def result(page: Page, field: str) -> Locator:
    """The row of a field in the unified record."""
    return page.locator(f"#unified button.result[data-field='{field}']")


def editor(page: Page) -> Locator:
    return page.locator("#mapping .cm-content")


def choose(page: Page, field: str, text: str | None = None) -> None:
    """Open a field of the mapping, and replace its expression."""
    if row(page, field).get_attribute("aria-expanded") != "true":
        row(page, field).click()
    if text is not None:
        editor(page).click()
        page.keyboard.press("ControlOrMeta+a")
        page.keyboard.insert_text(text)


NOTE_TIMES = """
window.keys = []; window.sent = []; window.painted = []; window.open_ = 0; window.most = 0;
const request = window.fetch;
window.fetch = (path, init) => {
  const body = String(init?.body ?? "");
  const { sequence, count } = path.endsWith("/evaluate") ? JSON.parse(body) : {};
  if (count !== 1) return request(path, init);
  sent.push([performance.now(), sequence]);
  most = Math.max(most, ++open_);
  return request(path, init).finally(() => { open_ -= 1; });
};
addEventListener("beforeinput", () => keys.push(performance.now()), true);
const note = () => painted.push([performance.now(), Number(document.getElementById("status").dataset.sequence)]);
const follow = () => new MutationObserver(note).observe(document.getElementById("status"), { attributes: true });
addEventListener("load", follow);
"""
READ_TIMES = """
() => keys.map(key => {
  const request = sent.find(([time]) => time >= key);
  const shown = request && painted.find(([, sequence]) => sequence >= request[1]);
  return shown ? shown[0] - key : null;
})
"""


def measure_keys(page: Page, text: str) -> list[float]:
    """Type a text at 60 ms a key, and return for each key the milliseconds until a result with it is painted.

    The page was opened with NOTE_TIMES.
    """
    page.evaluate("keys.length = sent.length = painted.length = 0")
    page.keyboard.type(text, delay=60)
    deadline = time.monotonic() + DEADLINE
    while None in (times := page.evaluate(READ_TIMES)):
        assert time.monotonic() < deadline, times
        page.wait_for_timeout(100)
    return list(times)
