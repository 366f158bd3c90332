"""Who may log in to the portal with a token, until when, and which requests come from its own pages."""

import logging
from pathlib import Path

import pytest
from portal_bench import NOW, ORIGIN, Portal, open_portal

from conn_service.portal.login_pages import check_next
from conn_service.portal.sessions import IDLE_SECONDS, SESSION_SECONDS

HOST = ORIGIN.removeprefix("https://")
LINK = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}


def is_inside(portal: Portal) -> bool:
    return bool(portal.get("/audit", follow_redirects=False).status_code == 200)


def test_a_token_is_exchanged_for_a_session_and_is_nowhere_else(
    portal: Portal, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    asked = portal.get("/edit/acme/crm.contacts.list?field=email", follow_redirects=False)
    assert (asked.status_code, asked.headers["location"]) == (
        303,
        "/portal/login?next=/edit/acme/crm.contacts.list%3Ffield%3Demail",
    )
    text = portal.issue("portal:view", name="Ada <b>")
    answer = portal.send_form("/login", token=f" {text} ", next="/audit?target=x")
    assert (answer.status_code, answer.headers["location"]) == (303, "/portal/audit?target=x")
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("__Host-conn-portal=") and text not in cookie
    for part in ("HttpOnly", "Secure", "SameSite=lax", "Path=/", f"Max-Age={int(SESSION_SECONDS)}"):
        assert part in cookie
    page = portal.get("/audit")
    assert "Ada &lt;b&gt; (viewer)" in page.text and text not in page.text
    secret = text.split("_")[2]
    assert secret not in caplog.text and secret.encode() not in (portal.location.file or Path()).read_bytes()


def test_a_session_ends(portal: Portal) -> None:
    text = portal.issue("portal:view", expires_at=NOW + 100_000)
    portal.send_form("/login", token=text)
    for _ in range(7):
        portal.clock.sleep(IDLE_SECONDS - 300)
        used = is_inside(portal)
    assert not used, "however often it is used"
    portal.send_form("/login", token=text)
    portal.clock.sleep(IDLE_SECONDS)
    assert not is_inside(portal)
    portal.send_form("/login", token=text)
    assert portal.send_form("/logout").headers["location"] == "/portal/login"
    assert not is_inside(portal)
    portal.send_form("/login", token=text)
    portal.tokens.revoke(portal.issued[text], portal.clock.now())
    assert not is_inside(portal), "with its token"
    assert portal.client.get("/portal/api/workspace").json()["code"] == "session"


def test_tokens_that_are_not_for_the_portal(portal: Portal) -> None:
    refused = [
        portal.issue("unified:read"),
        portal.issue("admin", accounts=["acme"]),
        portal.issue("portal:edit", tenant="acme"),
    ]
    for text in refused:
        answer = portal.send_form("/login", token=text)
        assert answer.status_code == 403 and "is not for the portal" in answer.text and text not in answer.text
    for text in ("", "conn_x", portal.issue("portal:view", expires_at=NOW + 1)):
        portal.clock.sleep(1)
        assert portal.send_form("/login", token=text).status_code == 401
    assert "set-cookie" not in portal.send_form("/login", token="x").headers


def test_an_address_may_try_a_few_times_a_minute(portal: Portal) -> None:
    text = portal.issue("portal:view")
    answers = [portal.send_form("/login", token="conn_x").status_code for _ in range(11)]
    assert answers == [401] * 10 + [429]
    assert portal.send_form("/login", token=text).status_code == 303, "a stranger locks nobody out"
    portal.clock.sleep(61)
    assert portal.send_form("/login", token="conn_x").status_code == 401


@pytest.mark.parametrize(
    ("method", "headers", "status"),
    [
        ("GET", {}, 200),
        ("GET", {"host": "evil.test"}, 421),
        ("GET", {"sec-fetch-site": "cross-site"}, 403),
        ("GET", {"sec-fetch-site": "same-site", "sec-fetch-mode": "no-cors", "sec-fetch-dest": "image"}, 403),
        ("GET", LINK, 200),
        ("GET", {**LINK, "origin": "null"}, 200),
        ("GET", {"origin": "https://evil.test"}, 403),
        ("POST", {"origin": ORIGIN}, 200),
        ("POST", {}, 403),
        ("POST", {"origin": "null"}, 403),
        ("POST", {"origin": "https://evil.test"}, 403),
        ("POST", {"origin": f"http://{HOST}"}, 403),
        ("POST", {"origin": ORIGIN, **LINK}, 403),
        ("POST", {"origin": ORIGIN, "content-type": "text/plain"}, 415),
        ("POST", {"origin": ORIGIN, "content-type": "application/x-www-form-urlencoded"}, 415),
        ("POST", {"origin": ORIGIN, "cookie": "__Host-conn-portal=guessed"}, 401),
    ],
)
def test_requests_from_other_sites(shared: Portal, method: str, headers: dict[str, str], status: int) -> None:
    portal = shared
    portal.client.cookies.update(portal.cookies)
    path = "/portal/edit/acme" if method == "GET" else "/portal/api/operation"
    body = None if method == "GET" else b'{"account": "acme", "operation": "crm.contacts.list"}'
    if "cookie" in headers:
        portal.client.cookies.clear()
    sent = {"content-type": "application/json", **headers}
    assert portal.client.request(method, path, content=body, headers=sent).status_code == status


def test_a_log_in_cannot_be_forged_by_another_site(portal: Portal) -> None:
    form = {"token": portal.issue("portal:view")}
    assert portal.client.post("/portal/login", data=form).status_code == 403
    answer = portal.client.post("/portal/login", data=form, headers={"origin": "https://evil.test"})
    assert answer.status_code == 403 and "set-cookie" not in answer.headers


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("/audit?target=a", "/audit?target=a"),
        ("", "/"),
        ("//evil.test", "/"),
        ("/\\evil.test", "/"),
        ("https://evil.test", "/"),
        ("/a\r\nset-cookie: x", "/"),
        (f"/{'a' * 2_000}", "/"),
    ],
)
def test_a_log_in_leads_to_a_page_of_the_portal(path: str, shown: str) -> None:
    assert check_next(path) == shown


def test_pages_that_need_no_session_and_a_portal_below_a_path(tmp_path: Path) -> None:
    with open_portal(tmp_path, public_url="http://127.0.0.1:8080/conn") as portal:
        host = {"host": "localhost:8080", "origin": "http://localhost:8080"}
        page = portal.client.get("/portal/login", headers=host)
        assert (
            'action="/conn/portal/login"' in page.text
            and "default-src 'none'" in page.headers["content-security-policy"]
        )
        assert portal.client.get("/portal/static/studio.css", headers=host).status_code == 200
        assert portal.client.get("/portal/static/../routes.py", headers=host).status_code in (303, 404)
        answer = portal.client.post(
            "/portal/login", data={"token": portal.issue("admin")}, headers=host, follow_redirects=False
        )
        assert answer.headers["location"] == "/conn/portal/"
        assert (
            answer.headers["set-cookie"].startswith("conn-portal-8080=")
            and "Secure" not in answer.headers["set-cookie"]
        )
        assert portal.client.get("/portal", headers=host, follow_redirects=False).headers["location"] == "/conn/portal/"
