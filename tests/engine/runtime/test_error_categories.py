"""The category of each error that a program must treat differently from others of its class."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from conn_engine.config import Workspace
from conn_engine.errors import Category, ConnError, CredentialError, VendorError
from conn_engine.responses.failures import Policy
from conn_engine.runtime.call import Call
from conn_engine.runtime.connection import connect
from conn_engine.secrets.vault.file import FileVault
from conn_engine.secrets.vault.memory import MemoryVault

CONNECTOR = """\
base_url: {url}
hosts: ["{host}"]
credentials: {{ format: bearer }}
authorization: {{ format: bearer }}
resources:
  people:
    list: {{ method: get, path: /people, rate_limit: {{ budget: [{{ requests: 1, per_seconds: 3600 }}] }} }}
    get: {{ method: get, path: "/people/{{{{id}}}}" }}
  away: {{ get: {{ method: get, base_url: http://10.0.0.1, path: / }} }}
"""
CRM = """\
resources:
  contacts:
    list: { resource: people, query_mapping: { size: $number(query.limit) }, response_mapping: { id: response.id } }
    get: { resource: people, response_mapping: { id: $number(response.name) } }
"""


@pytest.fixture
def shop(make: Callable[..., Workspace], site: Any) -> Workspace:
    site.answer = lambda got: [{"id": 1}] if got.path == "/people" else (401, {"message": "unknown token"})
    return make(
        {
            "connectors/shop/connector.yaml": CONNECTOR.format(url=site.url, host=site.host),
            "connectors/shop/unified/crm.yaml": CRM,
            "accounts/acme.yaml": "connector: shop\n",
            "accounts/other.yaml": "connector: shop\n",
        }
    )


@pytest.mark.parametrize(
    ("account", "operation", "call", "category"),
    [
        ("acme", "people.lst", Call(), "unknown"),
        ("acmee", "people.list", Call(), "unknown"),
        ("acme", "contacts.list", Call(query={"limit": "many"}), "input"),
        ("acme", "people.get", Call(id="1"), "refused"),
        ("acme", "away.get", Call(), "host"),
        ("other", "people.list", Call(), "missing"),
    ],
)
def test_category(shop: Workspace, account: str, operation: str, call: Call, category: Category) -> None:
    vault = MemoryVault({"acme": {"token": "token-1"}})
    with pytest.raises(ConnError) as caught, connect(shop, account, environ={}, vault=vault) as connection:
        connection.page(operation, call)
    assert caught.value.category == category


def test_a_budget_has_the_headers_of_a_rate_limit(shop: Workspace) -> None:
    vault = MemoryVault({"acme": {"token": "token-1"}})
    with connect(shop, "acme", environ={}, vault=vault, policy=Policy(budget_seconds=1)) as connection:
        connection.page("people.list")
        with pytest.raises(VendorError) as caught:
            connection.page("people.list")
    assert (caught.value.kind, caught.value.category, caught.value.response) == ("rate_limited", "budget", None)
    assert set(caught.value.limits) == {"ratelimit-remaining", "ratelimit-reset", "retry-after"}
    assert 3500 < int(caught.value.limits["retry-after"]) <= 3600


def test_a_place_of_credentials_that_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CredentialError) as caught:
        FileVault(tmp_path / "file", "a-key-of-some-length").save("acme", {"token": "t"})
    assert caught.value.category == "store"
