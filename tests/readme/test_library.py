"""The Python blocks of README.md run as they stand, against a vendor on this machine that answers what is recorded."""

import json
import re
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

ROOT = Path(__file__).parents[2]
PYTHON = re.findall(
    r"^```python\n(.*?)^```$", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
)
TOKEN = "token-of-this-test"


class Vendor(BaseHTTPRequestHandler):
    """Answers the recorded pages of contacts by their cursor, to whoever carries the token."""

    exchanges = json.loads((ROOT / "connectors/hubspot/recordings/crm.contacts.list.json").read_text(encoding="utf-8"))[
        "exchanges"
    ]

    def do_GET(self):
        after = parse_qs(urlsplit(self.path).query).get("after", [None])[0]
        known = {exchange["request"]["query"].get("after"): exchange["response"]["body"] for exchange in self.exchanges}
        allowed = self.headers["Authorization"] == f"Bearer {TOKEN}"
        body = json.dumps(known[after] if allowed else {"message": "no"}).encode()
        self.send_response(200 if allowed else 401)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def vendor():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Vendor)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("code", PYTHON, ids=["sync", "async", "isolated"])
def test_the_library_in_ten_lines(code, vendor, tmp_path, shell):
    made = subprocess.run(
        ["conn", "init", "tour", "--example"], cwd=tmp_path, env=shell, capture_output=True, check=False
    )
    assert made.returncode == 0, made.stderr
    conn_yaml = tmp_path / "tour" / "conn.yaml"
    settings = conn_yaml.read_text(encoding="utf-8")
    conn_yaml.write_text(
        settings.replace("trusted_hosts:\n", f"trusted_hosts:\n  - 127.0.0.1:{vendor}\n"), encoding="utf-8"
    )
    account = tmp_path / "tour" / "accounts" / "acme.yaml"
    text = account.read_text(encoding="utf-8")
    token = f"credentials: {{ config: {{ token_url: http://127.0.0.1:{vendor}/oauth/v1/token }} }}"
    moved = f"override:\n  base_url: http://127.0.0.1:{vendor}\n  {token}\n"
    account.write_text(text.replace("override:\n", moved), encoding="utf-8")
    result = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=shell | {"CONN_ACME_OAUTH__TOKEN__ACCESS_TOKEN": TOKEN},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert "9007199254740993" in result.stdout and "101" in result.stdout
    assert TOKEN not in result.stdout + result.stderr
