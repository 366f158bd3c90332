"""A customer's way through the pages of a link, and what ends it."""

import re
from pathlib import Path

import pytest
from connect_bench import NOW, ORIGIN, RETURN, ConnectBench, open_connect_bench
from sqlalchemy import text as sql

from conn_engine.errors import CredentialError
from conn_engine.secrets.vault.choice import LayeredVault
from conn_engine.secrets.vault.environment import EnvironmentVault
from conn_service.connect.links import MOST_ATTEMPTS
from conn_service.connect.settings import build_connect_settings

FIELDS = {"context.region": "eu", "context.store": "main"}
KEY = "credential.api_key"


def test_an_api_key_with_mistakes_and_then_success(bench: ConnectBench) -> None:
    path = bench.link("acme")
    browser = bench.open().get(path)
    assert browser.page.status_code == 200
    assert "Connect Shop & Söhne <b> to Example CRM For: Acme <Ltd>" in browser.text
    assert "The region of the <i>store</i>." in browser.text
    browser.send(path, **{"context.store": "Main 1", KEY: ""})
    assert browser.page.status_code == 422
    for words in (
        "Enter a value for “Region”.",
        "“Store” does not have the expected form.",
        "Enter a value for “API key”",
    ):
        assert browser.text.count(words) == 2, "in the summary and at the field"
    assert 'aria-describedby="f1-help f1-error"' in browser.page.text and "<title>Error: " in browser.page.text
    browser.send(path, **FIELDS, **{KEY: "wrong-key-of-the-customer"})
    assert browser.page.status_code == 422
    assert "Shop & Söhne <b> did not accept this" in browser.text
    assert "wrong-key" not in browser.page.text and "words of the vendor" not in browser.page.text
    assert 'value="main"' in browser.page.text, "what is no secret is kept"
    browser.send(path, **FIELDS, **{KEY: "weak-key"})
    assert "accepts this, but does not allow access" in browser.text
    assert bench.vault.load("acme") is None
    browser.send(path, **FIELDS, **{KEY: " good-key\n"})
    assert browser.page.status_code == 200 and "is connected" in browser.text
    expected = {"api_key": "good-key", "captured": {"region": "eu", "store": "main", "store_id": "s-1"}}
    assert bench.vault.load("acme") == expected
    assert "is connected" in browser.get(path).text
    assert bench.open().get(path).page.status_code == 410
    assert "already used" in bench.open().get(path).text


def test_the_new_credential_reaches_a_kept_connection_at_once(bench: ConnectBench) -> None:
    bench.vault.save("told", {"api_key": "old-key"})
    bench.keys["old-key"] = 200
    headers = {"Conn-Account": "told"}
    assert bench.admin("GET", "/unified/crm/contacts", **headers).status_code == 200
    path = bench.link("told")
    browser = bench.open().get(path)
    assert browser.page.text.count("<input") == 2, "the account has the values of its context"
    assert "is connected" in browser.send(path, **{KEY: "good-key"}).text
    assert bench.admin("GET", "/unified/crm/contacts", **headers).status_code == 200
    assert bench.vendor.arrived[-1].headers["x-key"] == "good-key"


def test_a_consent_with_pkce(bench: ConnectBench) -> None:
    path = bench.link("desk", return_url=f"{RETURN}/done?step=2")
    browser = bench.open().get(path)
    assert (
        "Your password stays with Desk" in browser.text
        and f'href="{RETURN}/done?step=2&amp;connect_status=cancelled"' in browser.page.text
    )
    url = browser.send(path).find_link()
    assert f"redirect_uri={ORIGIN}/connect/callback/desk".replace(":", "%3A").replace("/", "%2F") in url
    assert "code_challenge_method=S256" in url
    callback = bench.consent(url)
    browser.get(callback)
    assert (browser.page.status_code, browser.page.headers["location"]) == (
        303,
        f"{RETURN}/done?step=2&connect_status=connected",
    )
    document = bench.vault.load("desk")
    assert document is not None and document["oauth"]["token"]["access_token"] == "fresh-token"
    assert browser.get(callback).page.status_code == 400
    assert "no longer valid" in browser.text
    assert "Desk is connected" in browser.get(path).text


@pytest.mark.parametrize(
    ("query", "words", "status"),
    [
        ("error=access_denied", "Access was not granted", 403),
        ("error=server_error&error_description=<b>words", "Desk cannot be reached", 502),
        ("error=invalid_scope", "has an error in its setup", 500),
        ("code=stolen", "Desk did not complete the log-in", 422),
    ],
)
def test_a_consent_that_fails_can_be_repeated(bench: ConnectBench, query: str, words: str, status: int) -> None:
    path = bench.link("desk")
    browser = bench.open().get(path)
    url = browser.send(path).find_link()
    state = re.search(r"state=([\w-]+)", url)
    assert state is not None
    browser.get(f"/connect/callback/desk?{query}&state={state[1]}")
    assert (browser.page.status_code, words in browser.text) == (status, True), browser.text
    assert "words" not in browser.page.text.replace("words of", "")
    assert f'href="{path}"' in browser.page.text
    assert bench.vault.load("desk") is None
    browser.get(path)
    assert browser.get(bench.consent(browser.send(path).find_link())).page.status_code == 303


# --- links ---


def test_a_link_can_be_found_and_revoked(bench: ConnectBench) -> None:
    made = bench.admin("POST", "/admin/links", {"account": "desk"}).json()
    path = made["url"].removeprefix(ORIGIN)
    browser = bench.open().get(path)
    consent = browser.send(path).find_link()
    rows = bench.admin("GET", "/admin/links?account=desk").json()["result"]
    (row,) = [row for row in rows if row["id"] == made["id"]]
    assert (row["account"], row["state"], row["attempts"]) == ("desk", "open", 1)
    assert not row.keys() & {"url", "digest", "document"}
    other = bench.issue("admin", tenant="umbrella")
    assert bench.admin("GET", "/admin/links", token=other).json()["result"] == []
    assert bench.admin("DELETE", f"/admin/links/{made['id']}", token=other).status_code == 404
    assert bench.admin("DELETE", f"/admin/links/{made['id'][:6]}").status_code == 404
    assert bench.admin("DELETE", f"/admin/links/{made['id']}").status_code == 204
    assert browser.get(bench.consent(consent)).page.status_code != 303
    assert bench.open().get(path).page.status_code == 404
    assert bench.vault.load("desk") is None
    (entry, *_) = bench.admin("GET", f"/admin/audit?target=links/{made['id']}").json()["result"]
    assert entry["action"] == "revoke"
    bench.codes.clear()


def test_who_may_make_a_link(bench: ConnectBench) -> None:
    def refuse(data: object, token: str | None = None) -> tuple[int, str]:
        response = bench.admin("POST", "/admin/links", data, token)
        return response.status_code, response.json()["detail"]

    assert bench.client.post("/admin/links", json={"account": "acme"}).status_code == 401
    assert refuse({"account": "nobody"})[0] == 404
    assert refuse({"account": "open"}) == (400, "connector open needs no credential, so nobody has to connect open")
    assert refuse({"account": "acme", "return": RETURN}) == (400, 'a link has no "return"')
    for seconds in (1, 10**9, True, "60"):
        assert refuse({"account": "acme", "expires_in": seconds})[0] == 400
    for url in ("https://evil.example.com/", "//evil.example.com", "javascript:alert(1)", "http://app.example.com"):
        assert refuse({"account": "acme", "return_url": url})[0] == 400


def test_no_link_is_made_if_its_credential_could_not_be_stored(tmp_path: Path) -> None:
    vault = LayeredVault(EnvironmentVault({}), lambda: None)
    with open_connect_bench(tmp_path, service_vault=vault) as bench:
        refused = bench.admin("POST", "/admin/links", {"account": "acme"})
    assert (refused.status_code, refused.json()["kind"]) == (400, "invalid_request")
    assert refused.json()["detail"].startswith("set CONN_VAULT_KEY to store the credential")
    assert "long random value" in refused.json()["fix"]


@pytest.mark.parametrize(
    "url",
    [
        "https://app.example.com.evil.example",
        "https://app.example.com@evil.example",
        "https://evil.example\\@app.example.com",
        "https://app.example.com\r\nset-cookie: a=b",
        "https://app.example.com:444",
        "https://app.example.com%2eevil.example",
        "https:/\\evil.example",
        "https://аpp.example.com",
        "data:text/html,x",
    ],
)
def test_no_other_address_is_returned_to(bench: ConnectBench, url: str) -> None:
    assert bench.admin("POST", "/admin/links", {"account": "acme", "return_url": url}).status_code == 400


def test_a_link_is_only_known_by_its_digest(bench: ConnectBench) -> None:
    path = bench.link("desk")
    browser = bench.open().get(path)
    url = browser.send(path).find_link()
    content = b"".join(file.read_bytes() for file in Path(str(bench.location.file)).parent.glob("service.sqlite3*"))
    state = re.search(r"state=([\w-]+)", url)
    assert state is not None
    for secret in (path.rpartition("/")[2], state[1], browser.cookies["__Host-conn-browser"]):
        assert secret.encode() not in content
    audit = bench.admin("GET", "/admin/audit").text
    assert "links/" in audit and path.rpartition("/")[2] not in audit


def test_links_that_cannot_be_used(bench: ConnectBench) -> None:
    for path in ("/connect/x", f"/connect/{'x' * 43}", "/connect/%00", f"/connect/{'é' * 43}"):
        browser = bench.open().get(path)
        assert (browser.page.status_code, "This link is not valid" in browser.text) == (404, True)
        assert bench.open().send(path, "x").page.status_code == 404
    path = bench.link("acme", expires_in=60)
    bench.clock.sleep(60)
    browser = bench.open().get(path)
    assert (browser.page.status_code, "has expired" in browser.text) == (410, True)


def test_attempts_are_bounded(bench: ConnectBench) -> None:
    path = bench.link("told")
    browser = bench.open().get(path)
    for _ in range(MOST_ATTEMPTS - 1):
        assert browser.send(path, **{KEY: ""}).page.status_code == 422
    sent = len(bench.vendor.arrived)
    assert "did not accept" in browser.send(path, **{KEY: "wrong"}).text
    browser.send(path, **{KEY: "good-key"})
    assert (browser.page.status_code, "too many attempts" in browser.text) == (410, True)
    assert bench.open().get(path).page.status_code == 410
    assert {got.headers["x-key"] for got in bench.vendor.arrived[sent:]} == {"wrong"}


# --- the browser ---


def test_a_form_is_for_one_link_and_browser_and_is_sent_once(bench: ConnectBench) -> None:
    path, other = bench.link("told"), bench.link("told")
    browser, attacker = bench.open().get(path), bench.open().get(path)
    found = re.search(r'name="token" value="([^"]+)"', attacker.page.text)
    assert found is not None
    for token in (found[1], "", "x", f"{'x' * 22}.{'0' * 64}"):
        assert browser.send(path, token, **{KEY: "good-key"}).page.status_code == 403
        assert "did not confirm this form" in browser.text
    assert attacker.send(other, **{KEY: "good-key"}).page.status_code == 403, "the token of another link"
    attacker.cookies.clear()
    assert attacker.send(path, found[1], **{KEY: "good-key"}).page.status_code == 403
    assert not bench.vendor.arrived
    token = re.search(r'name="token" value="([^"]+)"', browser.get(path).page.text)
    assert token is not None
    assert browser.send(path, token[1], **{KEY: "wrong"}).page.status_code == 422
    sent = len(bench.vendor.arrived)
    assert browser.send(path, token[1], **{KEY: "good-key"}).page.status_code == 409
    assert "already sent" in browser.text and len(bench.vendor.arrived) == sent


def test_a_form_from_another_site_is_refused(bench: ConnectBench) -> None:
    path = bench.link("told")
    browser = bench.open().get(path)
    for origin in ("https://evil.example.com", "null", "https://connect.example.com:444", ""):
        assert browser.get(path).send(path, origin=origin, **{KEY: "good-key"}).page.status_code == 403
    assert "is connected" in browser.get(path).send(path, origin=None, **{KEY: "good-key"}).text


def test_a_consent_ends_only_in_the_browser_that_began_it(bench: ConnectBench) -> None:
    """Login CSRF: an attacker agrees with his own account, and has the victim open the redirect, or the reverse."""
    path = bench.link("desk")
    attacker, victim = bench.open().get(path), bench.open().get(path)
    callback = bench.consent(attacker.send(path).find_link())
    for browser in (victim, bench.open()):
        assert browser.get(callback).page.status_code == 403
        assert "started in another browser" in browser.text
    assert bench.vault.load("desk") is None and len(bench.codes) == 1
    attacker.get(callback)
    assert attacker.page.status_code == 303, "a foreign visit does not use it up"
    bench.codes.clear()


def test_the_answer_of_one_vendor_is_not_taken_for_anothers(bench: ConnectBench) -> None:
    path = bench.link("desk")
    browser = bench.open().get(path)
    callback = bench.consent(browser.send(path).find_link())
    for other in (callback.replace("/desk?", "/mail?"), callback.replace("/desk?", "?")):
        assert browser.get(other).page.status_code == 400
    assert bench.vault.load("desk") is None and not [got for got in bench.vendor.arrived if "token" in got.path]
    assert browser.get(callback).page.status_code == 303


@pytest.mark.parametrize("query", ["", "state=", "state=x&code=y", "code=y", "state=%FF", "a=1&" * 101])
def test_a_redirect_without_a_login(bench: ConnectBench, query: str) -> None:
    for path in ("/connect/callback", "/connect/callback/desk", "/connect/callback/nothing"):
        browser = bench.open().get(f"{path}?{query}")
        assert (browser.page.status_code, "no longer valid" in browser.text) == (400, True)


def test_a_consent_expires(bench: ConnectBench) -> None:
    path = bench.link("desk")
    browser = bench.open().get(path)
    callback = bench.consent(browser.send(path).find_link())
    bench.clock.sleep(15 * 60)
    assert browser.get(callback).page.status_code == 400
    bench.codes.clear()


def test_two_consents_of_a_link_connect_once(bench: ConnectBench) -> None:
    path = bench.link("desk")
    browser = bench.open().get(path)
    first = bench.consent(browser.send(path).find_link())
    second = bench.consent(browser.get(path).send(path).find_link())
    assert browser.get(second).page.status_code == 303
    assert browser.get(first).page.status_code == 410
    bench.codes.clear()


# --- headers, frames, faults ---


def test_every_page_keeps_to_itself(bench: ConnectBench) -> None:
    path = bench.link("acme")
    pages = [bench.open().get(path), bench.open().get("/connect/x"), bench.open().get("/connect/callback?state=x")]
    nonces = set()
    for browser in pages:
        headers = browser.page.headers
        policy = headers["content-security-policy"]
        nonce = re.search(r"style-src 'nonce-([\w-]+)'", policy)
        assert nonce is not None and f'<style nonce="{nonce[1]}">' in browser.page.text
        nonces.add(nonce[1])
        assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy and "unsafe" not in policy
        assert headers["x-frame-options"] == "DENY" and headers["cache-control"] == "no-store"
        assert headers["referrer-policy"] == "same-origin" and headers["x-content-type-options"] == "nosniff"
        assert "<script" not in browser.page.text and " on" not in re.findall(r"<[^>]+>", browser.page.text)
    assert len(nonces) == len(pages)
    cookie = pages[0].page.headers["set-cookie"]
    assert cookie.startswith("__Host-conn-browser=") and cookie.endswith("; Path=/; HttpOnly; SameSite=Lax; Secure")


def test_a_page_in_an_allowed_frame(tmp_path: Path) -> None:
    settings = build_connect_settings(f"{ORIGIN}/x/", "Example CRM", [RETURN], [RETURN])
    with open_connect_bench(tmp_path, settings) as bench:
        response = bench.admin("POST", "/admin/links", {"account": "told", "return_url": RETURN})
        path = response.json()["url"].removeprefix(f"{ORIGIN}/x")
        browser = bench.open(framed=True).get(path)
        assert f"frame-ancestors {RETURN}" in browser.page.headers["content-security-policy"]
        assert "x-frame-options" not in browser.page.headers
        assert browser.page.headers["set-cookie"].endswith("SameSite=None; Secure; Partitioned")
        assert f'action="/x{path}"' in browser.page.text
        browser.send(path, **{KEY: "good-key"})
        assert "is connected" in browser.text and 'target="_top"' in browser.page.text
        assert 'http-equiv="refresh"' not in browser.page.text
        consent = bench.admin("POST", "/admin/links", {"account": "desk"}).json()["url"].removeprefix(f"{ORIGIN}/x")
        framed = bench.open(framed=True).get(consent)
        assert "Continue in a new window" in framed.text and "<form" not in framed.page.text
        browser = bench.open().get(consent)
        url = browser.send(consent).find_link()
        assert "%2Fx%2Fconnect%2Fcallback%2Fdesk" in url
        assert browser.get(bench.consent(url).removeprefix("/x")).page.status_code == 303


def test_the_vendors_words_are_shown_if_a_deployment_wants_them(tmp_path: Path) -> None:
    with open_connect_bench(tmp_path, shows_vendor_errors=True) as bench:
        path = bench.link("told")
        browser = bench.open().get(path).send(path, **{KEY: "wrong-key"})
        assert "Details:" in browser.text and "wrong-key" not in browser.page.text
        assert "<script>" not in browser.page.text


def test_a_vendor_that_does_not_answer(tmp_path: Path) -> None:
    import threading

    end = threading.Event()
    with open_connect_bench(tmp_path, request_seconds=0.2) as bench:
        bench.vendor.answer = lambda got: (end.wait(30) and 200, {})
        path = bench.link("told")
        browser = bench.open().get(path).send(path, **{KEY: "good-key"})
        end.set()
        assert (browser.page.status_code, "did not answer in time" in browser.text) == (504, True)
        bench.vendor.answer = lambda got: (503, {})
        assert browser.send(path, **{KEY: "good-key"}).page.status_code in (502, 504)
        bench.vendor.answer = lambda got: (429, {"Retry-After": "600"}, {})
        assert browser.send(path, **{KEY: "good-key"}).page.status_code in (503, 504)


def raise_store_error(_account: str) -> None:
    raise CredentialError("the disk is full", category="store")


def test_a_vault_that_fails_uses_nothing_up(bench: ConnectBench, monkeypatch: pytest.MonkeyPatch) -> None:
    path = bench.link("told")
    browser = bench.open().get(path)
    with monkeypatch.context() as patch:
        patch.setattr(bench.vault, "exclusive", raise_store_error)
        browser.send(path, **{KEY: "good-key"})
        assert (browser.page.status_code, "could not be stored" in browser.text) == (503, True)
    assert "is connected" in browser.send(path, **{KEY: "good-key"}).text
    assert bench.vault.load("told") == {"api_key": "good-key", "captured": {"store_id": "s-1"}}


def test_a_store_that_is_damaged_is_a_page_too(tmp_path: Path) -> None:
    with open_connect_bench(tmp_path) as bench:
        path = bench.link("told")
        with bench.engine.begin() as connection:
            connection.execute(sql("DROP TABLE conn_connect_link"))
        browser = bench.open().get(path)
        assert (browser.page.status_code, browser.page.headers["content-type"]) == (503, "text/html; charset=utf-8")


def test_a_body_that_is_no_form(bench: ConnectBench) -> None:
    path = bench.link("told")
    for body in (b"\xff", b"a=1&" * 101, b"a=" + b"x" * 300_000):
        response = bench.client.post(path, content=body)
        assert (response.status_code, response.headers["content-type"]) == (422, "text/html; charset=utf-8")


def test_the_clock_is_that_of_the_deployment(bench: ConnectBench) -> None:
    response = bench.admin("POST", "/admin/links", {"account": "acme", "expires_in": 3600})
    assert response.json()["expires_at"] == bench.clock.now() + 3600
    assert bench.clock.now() >= NOW and response.headers["cache-control"] == "no-store"
