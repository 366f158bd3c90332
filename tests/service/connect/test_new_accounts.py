"""A link for an account that does not exist yet: it is created when its customer has connected it."""

from typing import Any

import pytest
from connect_bench import ConnectBench

from conn_engine.errors import CredentialError

FIELDS = {"context.region": "eu", "context.store": "main"}
KEY = "credential.api_key"


def link(bench: ConnectBench, account: str, document: Any, token: str | None = None) -> Any:
    return bench.admin("POST", "/admin/links", {"account": account, "document": document}, token)


def find_path(response: Any) -> str:
    assert response.status_code == 201, response.text
    path: str = "/connect/" + response.json()["url"].rpartition("/")[2]
    return path


def ask(bench: ConnectBench, account: str) -> int:
    status: int = bench.admin("GET", "/unified/crm/contacts", **{"Conn-Account": account}).status_code
    return status


def test_a_customer_creates_the_account(bench: ConnectBench) -> None:
    path = find_path(link(bench, "hooli", {"connector": "shop", "label": "Hooli", "context": {"plan": "gold"}}))
    assert ask(bench, "hooli") == 404, "nobody has connected it"
    browser = bench.open().get(path)
    assert "For: Hooli" in browser.text
    browser.send(path, **FIELDS, **{KEY: "wrong-key"})
    assert "did not accept this" in browser.text and 'value="main"' in browser.page.text
    assert ask(bench, "hooli") == 404 and bench.vault.load("hooli") is None
    assert "is connected" in browser.send(path, **FIELDS, **{KEY: "good-key"}).text
    assert ask(bench, "hooli") == 200
    stored = bench.admin("GET", "/admin/accounts/hooli").json()
    assert "store: main" in stored["document"] and "plan: gold" in stored["document"]
    assert "good-key" not in stored["document"]
    assert bench.vault.load("hooli") == {"api_key": "good-key", "captured": {"store_id": "s-1"}}
    revisions = bench.admin("GET", "/admin/accounts/hooli/revisions").json()["result"]
    assert [revision["reason"] for revision in revisions] == ["connected by its customer"]
    assert "is connected" in browser.get(path).text
    taken = link(bench, "hooli", {"connector": "shop"})
    assert (taken.status_code, taken.json()["detail"]) == (400, 'the name "hooli" is taken')


def test_a_link_creates_no_account_that_reads_the_variables_of_another(bench: ConnectBench) -> None:
    made = link(bench, "ACME", {"connector": "shop"})
    assert made.status_code == 400 and "too similar" in made.json()["detail"]


def test_a_tenant_finds_its_links_in_the_log(bench: ConnectBench) -> None:
    token = bench.issue("admin", accounts=[], tenant="umbrella")
    find_path(link(bench, "umbrella-eu", {"connector": "shop"}, token))
    [entry] = bench.admin("GET", "/admin/audit", None, token).json()["result"]
    assert (entry["account"], entry["tenant"]) == ("umbrella-eu", "umbrella")


def test_a_consent_creates_the_account(bench: ConnectBench) -> None:
    path = find_path(link(bench, "initech", {"connector": "desk"}))
    browser = bench.open().get(path)
    callback = bench.consent(browser.send(path).find_link())
    assert browser.get(callback).page.status_code == 303
    assert bench.admin("GET", "/admin/accounts/initech").status_code == 200
    assert bench.vault.load("initech") is not None


def test_the_name_may_be_taken_meanwhile(bench: ConnectBench) -> None:
    paths = [find_path(link(bench, "piper", {"connector": "shop"})) for _ in range(2)]
    first, second = [bench.open().get(path) for path in paths]
    assert "is connected" in first.send(paths[0], **FIELDS, **{KEY: "good-key"}).text
    second.send(paths[1], **FIELDS, **{KEY: "weak-key"})
    assert (second.page.status_code, "no longer works" in second.text) == (410, True)
    stored = bench.vault.load("piper")
    assert stored is not None and stored["api_key"] == "good-key"


def test_two_customers_create_the_same_account_at_once(bench: ConnectBench) -> None:
    """The second one has tried its credential while the first one is stored: it replaces nothing."""
    paths = [find_path(link(bench, "aviato", {"connector": "shop"})) for _ in range(2)]
    first, second = [bench.open().get(path) for path in paths]
    bench.keys |= {"slow-key": 200, "first-key": 200}
    inner, done = bench.vendor.answer, []

    def answer(got: Any) -> Any:
        if got.headers.get("x-key") == "slow-key" and not done:
            done.append(True)
            first.send(paths[0], **FIELDS, **{KEY: "first-key"})
        assert inner is not None
        return inner(got)

    bench.vendor.answer = answer
    second.send(paths[1], **FIELDS, **{KEY: "slow-key"})
    assert "is connected" in first.text and "is connected" not in second.text
    stored = bench.vault.load("aviato")
    assert stored is not None and stored["api_key"] == "first-key"
    assert ask(bench, "aviato") == 200


def test_a_vault_that_fails_leaves_no_account(bench: ConnectBench, monkeypatch: pytest.MonkeyPatch) -> None:
    path = find_path(link(bench, "massive", {"connector": "shop"}))
    browser = bench.open().get(path)
    with monkeypatch.context() as patch:
        patch.setattr(bench.vault, "exclusive", raise_store_error)
        browser.send(path, **FIELDS, **{KEY: "good-key"})
    assert (browser.page.status_code, ask(bench, "massive")) == (503, 404)
    assert "is connected" in browser.send(path, **FIELDS, **{KEY: "good-key"}).text
    assert ask(bench, "massive") == 200


def raise_store_error(_account: str) -> None:
    raise CredentialError("the disk is full", category="store")


def test_an_account_that_cannot_be_created_leaves_nothing(bench: ConnectBench) -> None:
    """What lint finds wrong with the document is known at the end only: the customer's values are part of it."""
    path = find_path(
        link(bench, "soylent", {"connector": "shop", "context": {"api_token": "sk_live_0123456789abcdef"}})
    )
    browser = bench.open().get(path).send(path, **FIELDS, **{KEY: "good-key"})
    if browser.page.status_code == 500:
        assert "has an error in its setup" in browser.text
        assert bench.vault.load("soylent") is None and ask(bench, "soylent") == 404
    else:
        raise AssertionError(browser.text)


def test_which_accounts_may_be_new(bench: ConnectBench) -> None:
    assert link(bench, "../evil", {"connector": "shop"}).status_code == 400
    assert link(bench, "new", {"connector": "nothing"}).status_code == 400
    assert link(bench, "new", {"connector": "open"}).status_code == 400
    assert link(bench, "new", ["shop"]).status_code == 400
    assert link(bench, "told", {"connector": "shop"}).status_code == 400
    limited = bench.issue("admin", accounts=("acme",))
    assert link(bench, "new", {"connector": "shop"}, limited).status_code == 404
    tenant = bench.issue("admin", tenant="t1")
    path = find_path(link(bench, "umbrella", {"connector": "shop"}, tenant))
    browser = bench.open().get(path)
    assert "is connected" in browser.send(path, **FIELDS, **{KEY: "good-key"}).text
    assert bench.admin("GET", "/admin/accounts/umbrella", token=tenant).json()["tenant"] == "t1"
    other = bench.issue("admin", tenant="t2")
    assert bench.admin("POST", "/admin/links", {"account": "umbrella"}, other).status_code == 404
    assert link(bench, "umbrella", {"connector": "shop"}, other).status_code == 400
