"""Run every kit that can be executed against the local server, and compare the records."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.brevity.apis import APIS, BASE, KITS, Kit
from benchmarks.brevity.vendor import CREDENTIALS, EXPECTED, NEW, serve
from benchmarks.measure import CHECKOUT, environment
from benchmarks.peers.installed import peer_python

__all__ = ["check_records"]


def check_records() -> None:
    """Fetch all records with every kit, twice for the API that lists changes. Raises RuntimeError on a difference."""
    with serve() as address:
        for kit in KITS:
            if kit.side is None:
                continue
            with tempfile.TemporaryDirectory() as folder:
                results = _fetch(kit, _prepare(kit, Path(folder), address))
            for api in APIS:
                _compare(f"{kit.name}, {api.folder}", results[api.folder], _expect(kit, api.folder, api.listings))


def _expect(kit: Kit, folder: str, listings: tuple[str, ...]) -> dict[str, list[str]]:
    expected = {listing: sorted(EXPECTED[listing]) for listing in listings}
    if folder == "changes":
        expected["people, second run"] = EXPECTED["changed"]
        if kit.peer is None:  # the others only read listings
            expected |= {"get": ["p7"], "create": EXPECTED["changed"]}
    return expected


def _compare(place: str, found: dict[str, list[str]], expected: dict[str, list[str]]) -> None:
    if found.keys() != expected.keys():
        raise RuntimeError(f"{place}: read {', '.join(found)} instead of {', '.join(expected)}")
    for listing, ids in expected.items():
        if sorted(found[listing]) != ids:
            raise RuntimeError(f"{place}: {listing} returned {len(found[listing])} records, expected {len(ids)}")


def _prepare(kit: Kit, folder: Path, address: str) -> dict[str, Any]:
    """Copies of a kit's documents with the server's address, and what its side has to do."""
    for api in APIS:
        for file in kit.find_files(api):
            copy = folder / "connectors" / api.folder / file.name
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_text(file.read_text("utf-8").replace(BASE, f"{address}/{api.folder}"), "utf-8")
    apis = [{"folder": api.folder, "file": kit.files[0], "listings": api.listings} for api in APIS]
    return {"place": str(folder), "host": address.removeprefix("http://"), "apis": apis, "new": NEW}


def _fetch(kit: Kit, work: dict[str, Any]) -> Any:
    python = sys.executable if kit.peer is None else peer_python(kit.peer)
    variables = environment(**{name.upper(): value for name, value in CREDENTIALS.items()})
    if kit.peer is not None:
        variables["PYTHONPATH"] = str(CHECKOUT)
    work["credentials"] = CREDENTIALS
    command = [python, "-m", f"benchmarks.peers.brevity_{kit.side}_side"]
    done = subprocess.run(
        command, input=json.dumps(work), env=variables, cwd=work["place"], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{kit.name} failed:\n{done.stderr[-3000:]}")
    return json.loads(done.stdout.splitlines()[-1])
