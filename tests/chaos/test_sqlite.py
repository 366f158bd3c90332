"""A worker that is killed at any moment loses nothing, and sends at most one batch of events twice."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
sys.path.append(str(Path(__file__).resolve().parents[1]))

from tenants import WorkerProcess, start_tenants, wait_for


def kill_one_worker(folder: Path, sizes: dict[str, int], kills: int, seed: int, seconds: float) -> None:
    with start_tenants(folder, sizes, seed, str(folder / "store.sqlite3")) as tenants:
        tenants.create_runs()
        worker = WorkerProcess(tenants, folder / "worker.log")
        share = sum(sizes.values()) // (kills + 1)
        try:
            for _ in range(kills):
                after = tenants.progress + tenants.random.randint(share // 3, share)
                wait_for(lambda after=after: tenants.progress >= after, [worker], seconds, tenants)
                worker.kill()
            wait_for(lambda: tenants.progress >= sum(sizes.values()), [worker], seconds, tenants)
            wait_for(lambda: not tenants.find_unfinished(), [worker], seconds, tenants)
        finally:
            worker.kill()
        tenants.check(kills)


def test_three_kills(tmp_path: Path) -> None:
    kill_one_worker(tmp_path, {"noisy": 2000, "a": 200, "b": 200, "c": 200}, 3, 1, 300)


@pytest.mark.nightly
@pytest.mark.parametrize("seed", [2, 3])
def test_twenty_kills(tmp_path: Path, seed: int) -> None:
    sizes = {"noisy": 20_000, **{f"quiet{n}": 400 for n in range(11)}}
    kill_one_worker(tmp_path, sizes, 20, seed, 600)
