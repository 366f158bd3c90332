"""The how-to page connect-a-customer.md: its request, and the event that it shows."""

import json
import re
import shlex
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from connect_bench import ORIGIN, RETURN, open_connect_bench

from conn_engine.config import load_workspace
from conn_engine.errors import CredentialError
from conn_service.connect.needs_login import LoginMonitor
from conn_service.connect.settings import build_connect_settings
from conn_service.delivery import DeliveryStore

PAGE = (Path(__file__).parents[3] / "docs/how-to/connect-a-customer.md").read_text("utf-8")


def test_the_page_shows_what_the_service_answers(tmp_path: Path) -> None:
    connector, account, settings = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.M | re.S)
    files = {"connectors/shop/connector.yaml": connector, "accounts/acme.yaml": account, "conn.yaml": settings}
    files["connectors/shop/unified/crm.yaml"] = "resources: {}\n"
    serve = shlex.split(next(line for line in PAGE.splitlines() if line.startswith("$ conn serve")))
    options = dict(zip(serve[3::2], serve[4::2], strict=True))
    made = build_connect_settings(options["--public-url"], options["--application"], [options["--return-origin"]])
    assert (made.origin, made.return_origins) == (ORIGIN, (RETURN,))
    line, shown = re.findall(r"^\$ (curl .*)\n(.*)$", PAGE, re.M)[0]
    words = shlex.split(line)
    with open_connect_bench(tmp_path, made, files=files) as bench:
        data = json.loads(words[words.index("-d") + 1])
        answer = bench.admin(words[2], urlsplit(words[3]).path, data).json()
        documented = json.loads(shown.replace(":…", ':"…"'))
        assert re.fullmatch(r"[0-9a-f]{12}", answer["id"]) and re.fullmatch(r"[0-9a-f]{12}", documented["id"])
        assert hide(answer) == documented | {"id": answer["id"]}
        page = bench.client.get(urlsplit(answer["url"]).path).text
        for text in ("Connect Shop to Example CRM", "Acme Ltd", "API key", "Settings &gt; Webhooks &gt; Secret"):
            assert text in page
        callback = re.search(r"^https://\S+/connect/callback/CONNECTOR$", PAGE, re.M)
        assert callback is not None and bench.client.get(urlsplit(callback[0]).path).status_code == 400
        monitor = LoginMonitor(bench.engine, {}, made)
        assert monitor.note_broken(load_workspace(tmp_path), "acme", CredentialError("no", category="refused"), 1.0)
        (row,) = DeliveryStore(bench.engine).find_heads("accounts", 2.0, 10)
        event = next(line for line in PAGE.splitlines() if line.startswith('{"type"'))
        assert hide(json.loads(row.body)) == json.loads(event)


def hide(data: Any) -> Any:
    """Replace what the page leaves out."""
    if isinstance(data, dict):
        return {name: "…" if name in ("expires_at", "timestamp") else hide(value) for name, value in data.items()}
    return re.sub(r"/connect/[\w-]{43}$", "/connect/…", data) if isinstance(data, str) else data
