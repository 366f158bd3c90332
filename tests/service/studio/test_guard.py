"""Who may ask the page: only itself, with its cookie, from its own host and port."""

from pathlib import Path

import pytest
from starlette.testclient import TestClient
from studio_bench import HOST, PORT, open_page

from conn_service.studio.app import StudioSettings, create_app
from conn_service.studio.guard import StudioSecrets


def test_the_first_url_works_once_and_leaves_a_cookie_that_is_named_by_the_port(tour: Path) -> None:
    keys = StudioSecrets()
    with TestClient(create_app(StudioSettings(tour, PORT), keys), base_url=f"http://{HOST}") as client:
        first = f"/edit/acme/crm.contacts.list?case=default&token={keys.token}"
        assert client.get("/edit").status_code == 401
        assert client.get("/edit?token=wrong").status_code == 401
        answer = client.get(first, follow_redirects=False)
        assert (answer.status_code, answer.headers["location"]) == (303, "/edit/acme/crm.contacts.list?case=default")
        cookie = answer.headers["set-cookie"]
        assert cookie.startswith(f"conn-studio-{PORT}=") and "HttpOnly" in cookie and "SameSite=strict" in cookie
        assert client.get("/edit").status_code == 200
        assert client.get(first, follow_redirects=False).status_code == 303  # the same person, with the URL again
        client.cookies.clear()
        assert client.get(first, follow_redirects=False).status_code == 401


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"host": f"localhost:{PORT}"}, 200),
        ({"host": "evil.test"}, 421),
        ({"host": "127.0.0.1"}, 421),
        ({"host": "127.0.0.1:4101"}, 421),
        ({"origin": f"http://{HOST}"}, 200),
        ({"origin": "http://127.0.0.1:4101"}, 403),
        ({"origin": f"https://{HOST}"}, 403),
        ({"origin": "null"}, 403),
        ({"sec-fetch-site": "same-origin"}, 200),
        ({"sec-fetch-site": "none"}, 200),
        ({"sec-fetch-site": "same-site"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"cookie": "conn-studio-4101=x"}, 401),
        ({"content-type": "text/plain"}, 415),
        ({"content-type": "application/x-www-form-urlencoded", "origin": f"http://{HOST}"}, 415),
    ],
)
def test_requests_that_do_not_come_from_the_page(page: TestClient, headers: dict[str, str], status: int) -> None:
    body = b'{"account": "acme", "operation": "crm.contacts.list", "count": 1}'
    cookie = "; ".join(f"{name}={value}" for name, value in page.cookies.items())
    sent = {"content-type": "application/json", "cookie": cookie, **headers}
    assert page.post("/api/evaluate", content=body, headers=sent).status_code == status


def test_everything_needs_the_session_and_no_path_leads_out(page: TestClient, tour: Path) -> None:
    with TestClient(create_app(StudioSettings(tour, PORT), StudioSecrets()), base_url=f"http://{HOST}") as stranger:
        for path in ("/edit", "/static/studio.css", "/api/workspace", "/api/nothing", "/"):
            assert stranger.get(path).status_code == 401
    assert page.get("/static/../app.py").status_code == 404
    assert page.get("/static/%2e%2e/app.py").status_code == 404
    assert page.get("/api/nothing").json()["kind"] == "error"


def test_the_page_has_a_strict_policy_and_a_new_nonce_each_time(page: TestClient) -> None:
    policies = set()
    for _ in range(2):
        answer = page.get("/edit/acme/crm.contacts.list?case=default")
        policy = answer.headers["content-security-policy"]
        policies.add(policy)
        nonce = policy.partition("'nonce-")[2].partition("'")[0]
        assert len(nonce) > 20 and f'name="csp-nonce" content="{nonce}"' in answer.text
        assert "default-src 'none'" in policy and "script-src 'self';" in policy
        assert "require-trusted-types-for 'script'" in policy and "unsafe-eval" not in policy
    assert len(policies) == 2
    for answer in (page.get("/edit"), page.get("/static/studio.css"), page.get("/api/workspace"), page.get("/x")):
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"
        assert "content-security-policy" in answer.headers and "server" not in answer.headers


def test_a_body_that_is_too_large_is_refused_unread(page: TestClient) -> None:
    answer = page.post("/api/evaluate", content=b"x" * 4_000_001, headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (413, "size")


@pytest.mark.parametrize(
    ("path", "form", "status"),
    [
        (f"/api/accounts?limit={'9' * 5000}", None, 400),
        ("/releases/promote", "&".join(["a=1"] * 4001), 413),
        ("/new/proposal", f"url=https%3A%2F%2Fx.example%2Fa&source={'[' * 100_000}", 422),
    ],
)
def test_requests_that_no_page_sends_are_refused(page: TestClient, path: str, form: str | None, status: int) -> None:
    kind = {"origin": f"http://{HOST}", "content-type": "application/x-www-form-urlencoded"}
    answer = page.get(path) if form is None else page.post(path, content=form, headers=kind)
    assert answer.status_code == status
    assert "this is a mistake in Conn" not in answer.text


def test_a_folder_that_cannot_be_written_is_read_only_by_itself(tour: Path) -> None:
    client = open_page(tour, "the folder accounts cannot be written by you")
    answer = client.get("/api/workspace").json()
    assert (answer["read_only"], answer["read_only_reason"]) == (True, "the folder accounts cannot be written by you")
    assert 'name="studio-read-only" content="true"' in client.get("/edit").text
    client.__exit__(None, None, None)
