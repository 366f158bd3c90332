"""The page of the service's documentation: nothing in it comes from elsewhere, and it has no data of its own."""

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from service_bench import open_bench
from starlette.testclient import TestClient

ROOT = Path(__file__).resolve().parents[3]
SERVICE = ROOT / "engine/conn_service"
PAGES = SERVICE / "http/pages"


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    with open_bench(tmp_path_factory.mktemp("service")) as bench:
        yield bench.client


def test_the_page_loads_only_what_is_served_next_to_it(client: TestClient) -> None:
    page = client.get("/docs")
    assert page.headers["content-type"].startswith("text/html")
    loaded = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert loaded == ["docs/swagger-ui.css", "docs/docs.css", "docs/swagger-ui-bundle.js", "docs/docs.js"]
    assert not re.search(r"<script>|<style|style=| on\w+=", page.text)
    for name in loaded:
        answer = client.get(f"/{name}")
        assert (answer.status_code, answer.content) == (200, (PAGES / Path(name).name).read_bytes())
        assert answer.headers["content-type"].startswith("text/javascript" if name.endswith("js") else "text/css")
    plain = client.get("/docs/docs.js", headers={"accept-encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert plain.content == (PAGES / "docs.js").read_bytes()


@pytest.mark.parametrize("path", ["/docs", "/docs/docs.js"])
def test_the_policy_allows_nothing_else(client: TestClient, path: str) -> None:
    headers = client.get(path).headers
    policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))
    assert policy.pop("img-src") == "'self' data:"
    assert {name for name, value in policy.items() if value == "'self'"} == {"script-src", "style-src", "connect-src"}
    assert {value for value in policy.values() if value != "'self'"} == {"'none'"}
    assert policy["default-src"] == policy["frame-ancestors"] == "'none'"
    assert (headers["x-content-type-options"], headers["referrer-policy"]) == ("nosniff", "no-referrer")


@pytest.mark.parametrize("name", ["other.js", "docs.html", "..%2Fdocs_page.py", "%2e%2e", "docs.js%00", "a/b", ""])
def test_other_files_are_not_served(client: TestClient, name: str) -> None:
    response = client.get(f"/docs/{name}")
    assert (response.status_code, response.headers["content-type"]) == (404, "application/problem+json")


def test_the_bundles_are_those_of_the_lock_file() -> None:
    """`make servers` builds them again; here, nobody has edited them."""
    lines = (ROOT / "browser/bundles.sha256").read_text("utf-8").splitlines()
    digests = {name: digest for digest, _, name in (line.partition("  ") for line in lines)}
    docs = {f"http/pages/{name}" for name in ("swagger-ui-bundle.js", "swagger-ui.css", "THIRD-PARTY-NOTICES.txt")}
    editor = {f"studio/static/vendor/{name}" for name in ("codemirror.js", "THIRD-PARTY-NOTICES.txt")}
    assert digests.keys() == docs | editor
    for name, digest in digests.items():
        assert hashlib.sha256((SERVICE / name).read_bytes()).hexdigest() == digest


def test_a_deployment_can_leave_the_page_out(tmp_path: Path) -> None:
    with open_bench(tmp_path, has_docs_page=False) as bench:
        assert [bench.client.get(path).status_code for path in ("/docs", "/docs/docs.js")] == [404, 404]
        assert bench.ask("GET", "/openapi.json").status_code == 200
