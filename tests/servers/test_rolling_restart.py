"""Three replicas of the service behind nginx as a TCP proxy, restarted one after the other: no request fails."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from processes import cache
from processes.process import free_port, running

sys.path.append(str(Path(__file__).resolve().parents[1]))

from renewing_shop import ENVIRON, RenewingShop, prepare_service, write_workspace
from replica_processes import Replica, Traffic
from vendor import start_vendor

pytestmark = pytest.mark.nightly  # starts six processes
CONTACTS = "/unified/crm/contacts"
NGINX = """\
load_module {module};
pid {folder}/nginx.pid;
error_log {folder}/error.log warn;
worker_processes 1;
daemon off;
{user}
events {{ worker_connections 256; }}
stream {{
  upstream replicas {{ {replicas} }}
  server {{ listen 127.0.0.1:{port}; proxy_pass replicas; proxy_connect_timeout 5s; }}
}}
"""


@pytest.fixture
def replicas(tmp_path: Path, postgres: Callable[[], str]) -> Iterator[tuple[list[Replica], str, RenewingShop]]:
    store = postgres()
    shop = RenewingShop()
    with start_vendor(shop.answer) as vendor, ExitStack() as stack:
        root = tmp_path / "workspace"
        write_workspace(root, vendor)
        token = prepare_service(root, store)
        environ = {**ENVIRON, "CONN_SERVICE_STORE": store, "SHOP_SECRET": "secret"}
        words = ["serve", "--drain-delay", "2"]
        made = [Replica(root, tmp_path / f"{number}.log", environ, words) for number in range(3)]
        for replica in made:
            stack.callback(replica.kill)
            replica.start()
        yield made, token, shop


def test_no_request_fails(tmp_path: Path, replicas: tuple[list[Replica], str, RenewingShop]) -> None:
    started, token, shop = replicas
    port = free_port()
    program = cache.debian("nginx", "nginx")
    module = cache.debian_files("libnginx-mod-stream") / "usr/lib/nginx/modules/ngx_stream_module.so"
    text = NGINX.format(
        module=module,
        folder=tmp_path,
        user="user root;" if os.geteuid() == 0 else "",
        replicas=" ".join(f"server 127.0.0.1:{replica.port} max_fails=0;" for replica in started),
        port=port,
    )
    (tmp_path / "nginx.conf").write_text(text, "utf-8")
    url = f"http://127.0.0.1:{port}"
    command = [program, "-p", tmp_path, "-c", tmp_path / "nginx.conf"]
    with running("nginx", command, url=f"{url}/health/live", log=tmp_path / "nginx.log", folder=tmp_path):
        traffic = Traffic(url, token)
        with traffic.run([CONTACTS], threads=6, pause=0.02):
            for replica in started:
                seen = sum(traffic.statuses.values())
                traffic.wait_for(lambda seen=seen: sum(traffic.statuses.values()) > seen + 60)  # type: ignore[misc]
                replica.stop()
                replica.start()
        assert (set(traffic.statuses), traffic.failures) == ({200}, [])
        assert shop.exchanges == 1
