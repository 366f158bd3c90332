"""A process that syncs a million records needs no more memory at their end than near their beginning."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import launching
import pytest

sys.path.insert(0, str(Path(__file__).parent))
sys.path.append(str(Path(__file__).resolve().parents[1]))

from tenants import CONNECTOR
from vendor import Arrived, start_vendor

CONN = [sys.executable, "-c", "from conn_cli.start import main; main()"]
SYNC = """\
source: { connector: shop, resource: contacts }
transform: '$.results.{"id": id, "name": name, "email": email}'
emit: { event: contact.updated, type: webhook, batch: 100 }
deletes: { by: sweep }
"""
PAGE = 1000


class Sizes:
    """A vendor that notes the size of the process that reads it: after a tenth of the pages, and near the end."""

    def __init__(self, pages: int) -> None:
        self.pages = pages
        self.process = 0
        self.resident: dict[int, float] = {}
        self.received = 0
        self.peak = 0.0

    def answer(self, arrived: Arrived) -> Any:
        if arrived.path == "/hook":
            self.received += len(json.loads(arrived.body)["data"])
            return {}
        page = int(arrived.query.get("after", 0))
        if page in (self.pages // 10, self.pages - 1):
            self.resident[page] = read_size(self.process, "VmRSS")
        records = [
            {"id": number, "name": f"Name {number}", "email": f"person{number}@example.com"}
            for number in range(page * PAGE, page * PAGE + PAGE)
        ]
        return {"results": records, "next": str(page + 1) if page + 1 < self.pages else None}

    def watch(self, process: "subprocess.Popen[str]", seconds: float) -> None:
        """Wait for the process, and note its largest size: what it does after the last page counts too."""
        self.process = process.pid
        end = time.monotonic() + seconds
        while True:
            try:
                process.wait(0.1)
                return
            except subprocess.TimeoutExpired:
                self.peak = max(self.peak, read_size(process.pid, "VmHWM"))
                assert time.monotonic() < end, "the sync takes too long"

    @property
    def growth(self) -> float:
        """The size near the end over that after a tenth."""
        return self.resident[self.pages - 1] / self.resident[self.pages // 10]


def read_size(process: int, name: str) -> float:
    """Return a size of a process in KiB, 0 if it has just ended."""
    lines = Path(f"/proc/{process}/status").read_text("utf-8").splitlines()
    return next((float(line.split()[1]) for line in lines if line.startswith(f"{name}:")), 0.0)


@pytest.fixture
def pages() -> Iterator[int]:
    """The number of pages; CONN_TEST_PAGES for less."""
    yield int(os.environ.get("CONN_TEST_PAGES", "1000"))


def sync(folder: Path, sizes: Sizes, *arguments: str) -> dict[str, Any]:
    """Run the sync in a process of its own, and return its report."""
    with start_vendor(answer=sizes.answer) as vendor:
        files = {
            "conn.yaml": f"version: 1\ntrusted_hosts: ['{vendor.host}']\n"
            f"endpoints: {{ default: {{ url: '{vendor.url}/hook' }} }}\n",
            "connectors/shop/connector.yaml": CONNECTOR.format(url=vendor.url),
            "accounts/acme.yaml": "connector: shop\n",
            "syncs/people.yaml": SYNC,
        }
        for name, text in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        command = [*CONN, "-C", str(folder), "sync", "run", "people", "--format", "json", *arguments]
        with (folder / "out").open("w") as out, (folder / "err").open("w") as err:
            process = launching.start(
                command, stdout=out, stderr=err, text=True, env={**os.environ, "CONN_NO_KEYRING": "1"}
            )
            sizes.watch(process, seconds=3600)
            assert process.returncode == 0, (folder / "err").read_text()[-2000:]
        report: dict[str, Any] = json.loads((folder / "out").read_text())
    return dict(report["runs"][0])


@pytest.mark.nightly
def test_a_million_records_for_an_endpoint(tmp_path: Path, pages: int) -> None:
    sizes = Sizes(pages)
    run = sync(tmp_path, sizes)
    assert (run["status"], run["counts"]["records"]) == ("complete", pages * PAGE)
    assert sizes.received == pages * PAGE
    assert sizes.growth < 1.15, sizes.resident


@pytest.mark.nightly
def test_a_million_records_for_a_file(tmp_path: Path, pages: int) -> None:
    sizes = Sizes(pages)
    run = sync(tmp_path, sizes, "--to", "file:people.jsonl")
    with (tmp_path / "people.jsonl").open("rb") as file:
        assert sum(1 for _ in file) == pages * PAGE
    assert run["status"] == "complete"
    assert sizes.growth < 1.15, sizes.resident
    assert sizes.peak < sizes.resident[pages // 10] * 1.25, sizes.resident  # the file is written after the last page
