"""The how-to pages about the service: their commands and requests, with the example workspace and its vendor."""

import importlib.util
import json
import re
import shlex
from functools import partial
from io import StringIO
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from starlette.testclient import TestClient

from conn_cli.commands.serve import _prepare_trial
from conn_cli.console import App
from conn_cli.main import execute
from conn_cli.scaffold import copy_example
from conn_engine.config import load_workspace
from conn_engine.documents.locate import find_packaged
from conn_engine.releases.store_location import StoreLocation
from conn_engine.runtime.agent_tools import build_agent_tools, count_definition_tokens, find_agent_resources
from conn_engine.secrets.vault.memory import MemoryVault
from conn_service.http.accounts import WorkspaceConfiguration
from conn_service.http.service import Deployment, open_service
from conn_service.mcp.routes import build_agent_routes

PAGE = Path(__file__).resolve().parents[3] / "docs/how-to/serve-the-unified-api.md"
ADMIN_PAGE = PAGE.with_name("manage-accounts-over-http.md")
AGENT_PAGE = PAGE.with_name("give-an-agent-tools.md")
REQUEST = re.compile(r"^\$ (curl .*)\n(.*)$", re.MULTILINE)


def start_stand_in() -> Any:
    spec = importlib.util.spec_from_file_location("stand_in", find_packaged("example") / "vendor.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.start_servers((0,))[0]


def test_the_requests_of_the_page_give_what_it_shows(tmp_path: Path) -> None:
    page = PAGE.read_text("utf-8")
    server = start_stand_in()
    try:
        tour = tmp_path / "tour"
        copy_example(tour)
        for name in ("conn.yaml", "environments/sandbox.yaml", "accounts/umbrella.yaml"):
            path = tour / name
            text = re.sub(r"127\.0\.0\.1:420[01]", f"127.0.0.1:{server.server_port}", path.read_text("utf-8"))
            path.write_text(text, "utf-8")
        token = create_token(tour, page)
        location = StoreLocation.read(str(tour / ".conn/service.sqlite3"), tour)
        deployment = Deployment(WorkspaceConfiguration(load_workspace(tour)), location, MemoryVault(), {})
        with open_service(deployment) as app, TestClient(app) as client:
            lines = _prepare_trial(make_app(tour), location, deployment.source, "umbrella", "http://127.0.0.1:8080")
            _, _, header, url = shlex.split(lines[0].removeprefix("try it: "))
            assert lines[1] in page
            assert f'"{url}"' in page
            name, _, value = header.partition(": ")
            response = client.get(url, headers={name: value})
            assert (response.status_code, response.json()["result_count"]) == (200, 2)
            shown = REQUEST.findall(page)
            assert len(shown) == 2
            for line, expected in shown:
                words = shlex.split(line.replace("$TOKEN", token))
                assert words[1:3] == ["-H", f"Authorization: Bearer {token}"]
                url = urlsplit(words[3])
                answer = client.get(f"{url.path}?{url.query}", headers={"authorization": f"Bearer {token}"})
                assert hide(answer.json(), json.loads(expected)) == json.loads(expected)
    finally:
        server.shutdown()
        server.server_close()


def test_the_requests_of_an_admin_give_what_the_page_shows(tmp_path: Path) -> None:
    page = ADMIN_PAGE.read_text("utf-8")
    tour = tmp_path / "tour"
    copy_example(tour)
    token = create_token(tour, page)
    location = StoreLocation.read(str(tour / ".conn/service.sqlite3"), tour)
    deployment = Deployment(WorkspaceConfiguration(load_workspace(tour)), location, MemoryVault(), {})
    (line, expected), *_ = re.findall(r"^\$ (curl -X PUT .* \\\n.*)\n(.*)$", page, re.MULTILINE)
    words = shlex.split(line.replace("\\\n", " "))
    headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
    path, body = next(urlsplit(word).path for word in words if word.startswith("http:")), words[-1]
    with open_service(deployment) as app, TestClient(app) as client:
        made = client.put(path, content=body, headers=headers)
        assert made.json() == json.loads(expected)
        read = client.get(path, headers=headers)
        tag = read.headers["etag"]
        assert f"etag: {tag}\n" in page
        assert f"'If-Match: {tag}'" in page
        wrong = body.replace('"hubspot"', '"hubspt"')
        refused = client.put(path, content=wrong, headers={**headers, "if-match": tag}).json()
        shown = json.loads(
            next(block for block in re.findall(r"```json\n(.*?)```", page, re.S) if '"refused"' in block)
        )
        assert refused == {**refused, **{key: shown[key] for key in ("status", "kind", "detail", "fix")}}
        (finding,), (shown_finding,) = refused["findings"], shown["findings"]
        assert finding["message"].startswith(shown_finding["message"].removesuffix("…"))
        assert finding == {**finding, **{key: shown_finding[key] for key in ("code", "path", "fix")}}


def make_app(tour: Path, out: StringIO | None = None) -> App:
    return App(folder=tour, stdout=out or StringIO(), stderr=StringIO(), environ={"CONN_NO_KEYRING": "1"})


def test_the_token_of_the_page_for_agents_has_their_tools(tmp_path: Path) -> None:
    page = AGENT_PAGE.read_text("utf-8")
    tour = tmp_path / "tour"
    copy_example(tour)
    token = create_token(tour, page)
    location = StoreLocation.read(str(tour / ".conn/service.sqlite3"), tour)
    routes = partial(build_agent_routes, version="1")
    source = WorkspaceConfiguration(load_workspace(tour))
    deployment = Deployment(source, location, MemoryVault(), {}, more_routes=routes)
    headers = {"authorization": f"Bearer {token}", "accept": "application/json, text/event-stream"}
    with open_service(deployment) as app, TestClient(app, "http://localhost") as client:
        message = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
        tools = client.post("/mcp", json=message, headers=headers).json()["result"]["tools"]
    assert [f"`{tool['name']}`" in page for tool in tools] == [True] * 3
    (tokens,) = re.findall(r"about (\d+) for an account of four resources", page)
    resources = find_agent_resources(source.get_current()[1].effective(account="umbrella"))
    assert len(resources) == 4
    count = count_definition_tokens(build_agent_tools(resources, writes=False))
    assert abs(count - int(tokens)) < 30


def create_token(tour: Path, page: str) -> str:
    line = next(line for line in page.splitlines() if line.startswith("$ conn token create"))
    out = StringIO()
    app = make_app(tour, out)
    assert execute(shlex.split(line)[2:], app) == 0
    return out.getvalue().strip()


def hide(data: dict[str, Any], expected: dict[str, Any]) -> dict[str, Any]:
    """Replace what the page leaves out."""
    return {name: "…" if expected.get(name) == "…" else value for name, value in data.items()}
