"""OAuth 1.0a on the page of a link, with a provider whose signatures, nonces and verifiers a library checks."""

import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from connect_bench import ConnectBench, open_connect_bench

sys.path.insert(0, str(Path(__file__).parents[2] / "cli"))
from oauth1_vendor import Provider, provider

from conn_engine.wire import MACHINE_CLOCK
from conn_service.connect.settings import build_connect_settings

HERE = "http://127.0.0.1:8080"
CONNECTOR = """\
label: Tweets
base_url: {url}/api
hosts: ["{host}"]
credentials:
  format: oauth1
  config:
    request_token_url: {url}/request_token
    authorization_url: {url}/authorize
    access_token_url: {url}/access_token
    capture: {{ user: response.screen_name }}
signature: {{ format: oauth1, config: {{}} }}
verify: things.list
resources:
  things:
    list: {{ method: get, path: /things }}
"""


@pytest.fixture(scope="module")
def vendor() -> Iterator[Provider]:
    with provider() as made:
        yield made


@pytest.fixture(scope="module")
def tweets(vendor: Provider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ConnectBench]:
    host = f"127.0.0.1:{vendor.port}"
    files = {
        "connectors/tweets/connector.yaml": CONNECTOR.format(url=vendor.url, host=host),
        "accounts/tweets.yaml": "connector: tweets\n",
        "conn.yaml": "version: 1\ntrusted_hosts: [127.0.0.0/8]\n",
    }
    settings = build_connect_settings(HERE, "Example CRM")
    root = tmp_path_factory.mktemp("oauth1")
    with open_connect_bench(root, settings, files=files, clock=MACHINE_CLOCK) as made:
        yield made


def test_a_consumer_of_the_customer_and_a_consent(tweets: ConnectBench, vendor: Provider) -> None:
    tweets.vault.delete("tweets")
    path = link(tweets)
    browser = tweets.open().get(path)
    entered = {"credential.consumer_key": vendor.client_key, "credential.consumer_secret": "mistaken-secret"}
    browser.send(path, origin=HERE, **entered)
    assert (browser.page.status_code, "Tweets did not accept this" in browser.text) == (422, True)
    assert f'value="{vendor.client_key}"' in browser.page.text and "mistaken" not in browser.page.text
    entered["credential.consumer_secret"] = vendor.client_secret
    url = browser.send(path, origin=HERE, **entered).find_link()
    callback = agree(url)
    assert callback.startswith("/connect/callback/tweets?oauth_token=")
    assert tweets.open().get(callback).page.status_code == 403, "another browser"
    browser.get(callback)
    assert (browser.page.status_code, browser.page.headers["location"]) == (303, path)
    document = tweets.vault.load("tweets")
    assert document is not None and document["token_secret"] in vendor.access.values()
    assert (document["consumer_key"], document["captured"]) == (vendor.client_key, {"user": "ada"})
    assert vendor.calls[-1] == "True GET /api/things"


def test_a_stored_consumer_is_not_asked_for_and_a_denial_is_one(tweets: ConnectBench, vendor: Provider) -> None:
    tweets.vault.save("tweets", {"consumer_key": vendor.client_key, "consumer_secret": vendor.client_secret})
    path = link(tweets)
    browser = tweets.open().get(path)
    assert "credential." not in browser.page.text and vendor.client_key not in browser.page.text
    vendor.deny = True
    try:
        callback = agree(browser.send(path, origin=HERE).find_link())
        assert "denied=" in callback
        assert browser.get(callback).page.status_code == 403
        assert "Access was not granted" in browser.text
    finally:
        vendor.deny = False
    browser.get(path)
    assert browser.get(agree(browser.send(path, origin=HERE).find_link())).page.status_code == 303


def link(bench: ConnectBench) -> str:
    url: str = bench.admin("POST", "/admin/links", {"account": "tweets"}).json()["url"]
    return url.removeprefix(HERE)


def agree(url: str) -> str:
    """Agree on the vendor's page. Return the path that it redirects to."""
    location = httpx.get(url, trust_env=False).headers["location"]
    parts = urlsplit(location)
    return f"{parts.path}?{parts.query}"
