"""A process that syncs a million records needs no more memory at their end than near their beginning."""

import json
import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

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

    def answer(self, arrived: Arrived) -> Any:
        if arrived.path == "/hook":
            self.received += len(json.loads(arrived.body)["data"])
            return {}
        page = int(arrived.query.get("after", 0))
        if page in (self.pages // 10, self.pages - 1):
            self.resident[page] = read_resident(self.process)
        records = [
            {"id": number, "name": f"Name {number}", "email": f"person{number}@example.com"}
            for number in range(page * PAGE, page * PAGE + PAGE)
        ]
        return {"results": records, "next": str(page + 1) if page + 1 < self.pages else None}

    @property
    def growth(self) -> float:
        """The size near the end over that after a tenth."""
        return self.resident[self.pages - 1] / self.resident[self.pages // 10]


def read_resident(process: int) -> float:
    lines = Path(f"/proc/{process}/status").read_text("ascii").splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith("VmRSS:"))


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
            process = subprocess.Popen(command, stdout=out, stderr=err, env={**os.environ, "CONN_NO_KEYRING": "1"})
            sizes.process = process.pid
            assert process.wait(3600) == 0, (folder / "err").read_text()[-2000:]
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
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    run = sync(tmp_path, sizes, "--to", "file:people.jsonl")
    with (tmp_path / "people.jsonl").open("rb") as file:
        assert sum(1 for _ in file) == pages * PAGE
    assert run["status"] == "complete"
    assert sizes.growth < 1.15, sizes.resident
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss  # the file is written after the last page
    assert max(before, sizes.resident[pages // 10] * 1.25) >= peak, (sizes.resident, peak)
