"""`deploy/`: read by the judges of its formats, and its processes run without containers on a real Postgres."""

import os
import re
import ssl
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import launching
import pytest
import yaml
from processes import cache
from processes.process import free_port, running

sys.path.append(str(Path(__file__).resolve().parents[1]))
sys.path.append(str(Path(__file__).resolve().parents[1] / "chaos"))
sys.path.append(str(Path(__file__).resolve().parents[1] / "engine" / "transport"))

from authority import Authority
from renewing_shop import RenewingShop, prepare_service, write_workspace
from replica_processes import Replica, Traffic
from tenants import WorkerProcess, start_tenants, wait_for
from vendor import start_vendor

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = ROOT / "deploy" / "compose.yaml"
CONN = [sys.executable, "-c", "from conn_cli.start import main; main()"]
SERVICES = yaml.safe_load(COMPOSE.read_text("utf-8"))["services"]
KEY = "a key for this test, which is long enough"
NGINX = """\
pid {folder}/nginx.pid;
error_log {folder}/error.log warn;
worker_processes 1;
daemon off;
{user}
events {{ worker_connections 256; }}
http {{
  access_log {folder}/access.log;
  client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;
  uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  upstream replicas {{ {replicas} }}
  server {{ listen 127.0.0.1:{ready}; return 204; }}
  include {folder}/site.conf;
}}
"""


def test_compose_follows_its_specification() -> None:
    bin_ = cache.venv("check-jsonschema", "0.39.0")
    command = [bin_ / "check-jsonschema", "--builtin-schema", "vendor.compose-spec", COMPOSE]
    done = launching.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("name", ["conn-sync@1", "conn-serve@8081"])
def test_systemd_accepts_the_unit(tmp_path: Path, name: str) -> None:
    text = (ROOT / "deploy" / f"{name.partition('@')[0]}@.service").read_text("utf-8")
    unit = tmp_path / f"{name}.service"  # without the program and the user, which this machine does not have
    unit.write_text(text.replace("/opt/conn/bin/conn", sys.executable).replace("User=conn", "User=root"), "utf-8")
    verify = cache.debian("systemd", "systemd-analyze")
    done = launching.run([verify, "verify", unit], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.fixture
def store(postgres: Callable[[], str]) -> str:
    return postgres()


def read_variables(service: Mapping[str, Any], state: Path, **more: str) -> dict[str, str]:
    """Return the variables of a service, with values for those of `.env`."""
    values = {"STORE_PASSWORD": "unused", "CONN_VAULT_KEY": KEY}

    def fill(found: "re.Match[str]") -> str:
        return values.get(found[1]) or found[2].removeprefix(":-")

    filled = {name: re.sub(r"\$\{(\w+)([^}]*)\}", fill, text) for name, text in service["environment"].items()}
    return {**filled, "CONN_STATE_DIR": str(state), "CONN_NO_KEYRING": "1", **more}


class ServiceProcess(WorkerProcess):
    """A process of the service `worker`, with its command and its variables."""

    def start(self) -> None:
        root = self.tenants.root
        variables = read_variables(SERVICES["worker"], root.parent / "state", CONN_SYNC_STORE=self.tenants.store)
        environ = {**os.environ, **variables, "PYTHONPATH": os.pathsep.join(sys.path)}
        with self.log.open("ab") as log:
            command = [*CONN, "-C", str(root), *SERVICES["worker"]["command"]]
            self.process = launching.start(command, env=environ, stdout=log, stderr=log)


def test_the_workers_of_the_compose_file(tmp_path: Path, store: str) -> None:
    """As many as it starts, one of which is killed, and started again because of `restart`."""
    sizes = {"a": 300, "b": 300, "c": 300, "d": 300}
    with start_tenants(tmp_path, sizes, 1, store) as tenants:
        tenants.create_runs()
        count = SERVICES["worker"]["deploy"]["replicas"]
        workers = [ServiceProcess(tenants, tmp_path / f"worker{number}.log") for number in range(count)]
        try:
            wait_for(lambda: tenants.progress > 200, workers, 120, tenants)
            workers[0].kill()
            wait_for(lambda: not tenants.find_unfinished(), workers, 240, tenants)
        finally:
            for worker in workers:
                worker.kill()
        assert SERVICES["worker"]["restart"] == "always"  # as wait_for does
        tenants.check(kills=1)


@pytest.fixture
def replicas(tmp_path: Path, store: str) -> Iterator[tuple[list[Replica], str]]:
    """The replicas of the service, not started, and a token for them."""
    service = SERVICES["service"]
    with start_vendor(RenewingShop().answer) as vendor, ExitStack() as stack:
        write_workspace(tmp_path / "workspace", vendor)
        token = prepare_service(tmp_path / "workspace", store, KEY)
        variables = read_variables(service, tmp_path / "state", CONN_SERVICE_STORE=store, SHOP_SECRET="secret")
        assert service["command"][:5] == ["serve", "--host", "0.0.0.0", "--port", "8080"]
        words = ["serve", *(word.replace("5", "1") for word in service["command"][5:])]  # a shorter delay
        count = service["deploy"]["replicas"]
        made = [
            Replica(tmp_path / "workspace", tmp_path / f"{number}.log", variables, words) for number in range(count)
        ]
        for replica in made:
            stack.callback(replica.kill)
        yield made, token


def test_the_service_of_the_compose_file_behind_its_proxy(tmp_path: Path, replicas: tuple[list[Replica], str]) -> None:
    """TLS by nginx with `deploy/nginx.conf`, and replicas that are restarted one after the other."""
    started, token = replicas
    assert started[0].words == ["serve", "--drain-delay", "1"]
    for replica in started:
        replica.start()
    authority = Authority()
    own = authority.vouch("server")
    port, ready = free_port(), free_port()
    for name, text in {"fullchain.pem": own.certificate, "privkey.pem": own.key}.items():
        (tmp_path / name).write_text(text, "utf-8")
    site = (ROOT / "deploy" / "nginx.conf").read_text("utf-8")
    for written, here in {
        "listen 443 ssl": f"listen 127.0.0.1:{port} ssl",
        "/etc/nginx/tls": str(tmp_path),
        "resolver 127.0.0.11 valid=5s;": "",
        "http://service:8080": "http://replicas",
    }.items():
        assert written in site
        site = site.replace(written, here)
    (tmp_path / "site.conf").write_text(site, "utf-8")
    servers = " ".join(f"server 127.0.0.1:{replica.port} max_fails=0;" for replica in started)
    user = "user root;" if os.geteuid() == 0 else ""
    (tmp_path / "nginx.conf").write_text(NGINX.format(folder=tmp_path, user=user, replicas=servers, ready=ready))
    command = [cache.debian("nginx", "nginx"), "-p", tmp_path, "-c", tmp_path / "nginx.conf"]
    with running("nginx", command, url=f"http://127.0.0.1:{ready}/", log=tmp_path / "nginx.log", folder=tmp_path):
        trust = ssl.create_default_context(cadata=authority.certificate)
        url = f"https://127.0.0.1:{port}"
        with httpx.Client(base_url=url, verify=trust, trust_env=False, timeout=60) as client:
            assert client.get("/health/ready").status_code == 404
            response = client.get("/unified/crm/contacts", headers={"authorization": f"Bearer {token}"})
            assert (response.status_code, response.json()["result"]) == (200, [{"id": "1"}])
        traffic = Traffic(url, token, trust)
        with traffic.run(["/unified/crm/contacts"], threads=4, pause=0.01):
            for replica in started:
                seen = sum(traffic.statuses.values())
                traffic.wait_for(lambda seen=seen: sum(traffic.statuses.values()) > seen + 20)  # type: ignore[misc]
                replica.stop()
                replica.start()
        assert (set(traffic.statuses), traffic.failures) == ({200}, [])
