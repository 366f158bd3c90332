"""`conn auth login` by the three legs of OAuth 1.0a, against a provider whose signatures a library of others checks."""

import io
import json
import re
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from oauth1_vendor import Provider, provider
from transcript import conn

from conn_cli.console import App
from conn_cli.main import execute
from conn_engine.config import load_workspace
from conn_engine.runtime.wiring import vault_of

KEY = {"CONN_VAULT_KEY": "a key for the tests alone, long enough"}
CONNECTOR = {
    "base_url": "@V/api/{{context.user}}",
    "hosts": ["127.0.0.1:@P"],
    "credentials": {
        "format": "oauth1",
        "config": {
            "request_token_url": "@V/request_token",
            "authorization_url": "@V/authorize?force_login=true",
            "access_token_url": "@V/access_token",
            "authorization_params": {"name": "conn"},
            "request_params": {"x_scope": "a b&c"},
            "capture": {"user": "response.screen_name", "leak": "response.oauth_token_secret"},
        },
    },
    "signature": {"format": "oauth1", "config": {}},
    "resources": {"things": {"list": {"method": "get", "path": "/things", "query": {"q": "a b+c"}},
                             "create": {"method": "post", "path": "/things", "body_format": "form"}}},
}  # fmt: skip


@pytest.fixture
def vendor() -> Iterator[Provider]:
    with provider() as made:
        yield made


def laid_out(folder: Path, vendor: Provider, **config: Any) -> Path:
    connector: dict[str, Any] = json.loads(json.dumps(CONNECTOR))
    connector["credentials"]["config"] |= config
    if "algorithm" in config:
        connector["signature"]["config"]["algorithm"] = config["algorithm"]
    text = json.dumps(connector).replace("@V", vendor.url).replace("@P", str(vendor.port))
    for name, content in {
        "conn.yaml": "version: 1\ntrusted_hosts: [127.0.0.0/8]\n",
        "connectors/shop/connector.yaml": text,
        "accounts/me.yaml": "connector: shop\n",
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content, encoding="utf-8")
    return folder


class Login(threading.Thread):
    """A running `conn auth login`, in this process: with the real clock, as the provider looks at it."""

    def __init__(self, folder: Path, *words: str, stdin: str) -> None:
        super().__init__(daemon=True)
        self.out, self.err, self.code = io.StringIO(), io.StringIO(), -1
        environ = {"CONN_NO_KEYRING": "1", "CONN_STATE_DIR": str(folder / ".state"), **KEY}
        self.app = App(folder=folder, environ=environ, stdin=io.StringIO(stdin), stdout=self.out, stderr=self.err)
        self.words = ("auth", "login", "me", "--json", *words)
        self.start()

    def run(self) -> None:
        self.code = int(execute(self.words, self.app))

    def page(self) -> str:
        """The printed address, once the command listens."""
        end = time.monotonic() + 120
        while time.monotonic() < end and self.is_alive():
            if "waiting for the response" in self.err.getvalue():
                return re.search(r"^\s*(http\S+/authorize\S+)$", self.err.getvalue(), re.MULTILINE)[1]
            time.sleep(0.02)
        raise AssertionError(self.err.getvalue())

    def ended(self, code: int) -> str:
        self.join(120)
        text = self.out.getvalue() + self.err.getvalue()
        assert self.code == code, text
        assert "Traceback" not in text
        return text


def client(vendor: Provider) -> str:
    return json.dumps({"consumer_key": vendor.client_key, "consumer_secret": vendor.client_secret})


def opened(url: str) -> str:
    """What a browser ends at."""
    with urllib.request.urlopen(url, timeout=60) as answer:
        return answer.read().decode()


def stored(folder: Path) -> dict[str, Any]:
    environ = {"CONN_NO_KEYRING": "1", "CONN_STATE_DIR": str(folder / ".state"), **KEY}
    document: dict[str, Any] = vault_of(load_workspace(folder), environ).load("me") or {}
    return document


@pytest.mark.parametrize("settings", [{}, {"algorithm": "HMAC-SHA256"}, {"method": "get"}], ids=str)
def test_three_legs_bring_a_token_that_signs(tmp_path: Path, vendor: Provider, settings: dict[str, Any]) -> None:
    folder = laid_out(tmp_path, vendor, **settings)
    assert conn(folder, "lint", **KEY).out.startswith("no findings")
    login = Login(folder, stdin=client(vendor))
    page = login.page()
    assert "force_login=true&oauth_token=" in page and page.endswith("&name=conn")
    assert "return to the terminal" in opened(page)
    text = login.ended(0)
    document = stored(folder)
    assert vendor.access == {document["token"]: document["token_secret"]}
    assert document["captured"]["user"] == "ada"
    assert document["token_secret"] not in json.dumps(document["captured"])
    assert not [secret for secret in (*vendor.access.values(), vendor.client_secret) if secret in text]
    done = App(folder=folder, environ=login.app.environ, stdin=io.StringIO('{"n": "1 2"}'),
               stdout=io.StringIO(), stderr=io.StringIO())  # fmt: skip
    assert execute(("run", "things.list", "--account", "me"), done) == 0, done.stderr.getvalue()
    assert vendor.calls == ["True GET /api/ada/things?q=a%20b%2Bc"]


def test_a_private_key_signs_the_legs_too(tmp_path: Path, vendor: Provider) -> None:
    key = rsa.generate_private_key(65537, 2048)
    form = serialization.PrivateFormat.PKCS8
    pem = key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()
    public = serialization.PublicFormat.SubjectPublicKeyInfo
    vendor.rsa_public_key = key.public_key().public_bytes(serialization.Encoding.PEM, public).decode()
    folder = laid_out(tmp_path, vendor, algorithm="RSA-SHA256")
    login = Login(folder, stdin=json.dumps({"consumer_key": vendor.client_key, "consumer_secret": pem}))
    opened(login.page())
    login.ended(0)
    app = App(folder=folder, environ=login.app.environ, stdout=io.StringIO(), stderr=io.StringIO())
    assert execute(("run", "things.list", "--account", "me"), app) == 0, app.stderr.getvalue()
    assert vendor.calls[0].startswith("True")


def test_a_wrong_secret_is_refused_before_a_person_is_bothered(tmp_path: Path, vendor: Provider) -> None:
    folder = laid_out(tmp_path, vendor)
    given = {"consumer_key": vendor.client_key, "consumer_secret": "wrong-secret-0123456789"}
    text = Login(folder, stdin=json.dumps(given)).ended(5)
    assert "refused the request: 401" in text and "wrong-secret" not in text
    assert stored(folder) == {}


def test_a_person_says_no(tmp_path: Path, vendor: Provider) -> None:
    vendor.deny = True
    login = Login(laid_out(tmp_path, vendor), stdin=client(vendor))
    assert "Access was not granted" in opened(login.page())
    assert "did not grant access: denied" in login.ended(5)


def test_an_answer_to_another_log_in_is_not_taken(tmp_path: Path, vendor: Provider) -> None:
    login = Login(laid_out(tmp_path, vendor), "--timeout", "2", stdin=client(vendor))
    login.page()
    (token, back), *_ = vendor.callbacks.items()
    for query in ("oauth_token=another&oauth_verifier=v", "denied=another", "oauth_verifier=v"):
        with pytest.raises(urllib.error.HTTPError):
            opened(f"{back}?{query}")
    assert "responses with a wrong state were refused: 3" in login.ended(5)
    assert token not in vendor.access


def test_a_wrong_verifier_is_refused(tmp_path: Path, vendor: Provider) -> None:
    folder = laid_out(tmp_path, vendor)
    login = Login(folder, stdin=client(vendor))
    login.page()
    (token, back), *_ = vendor.callbacks.items()
    opened(f"{back}?oauth_token={token}&oauth_verifier=a-verifier-of-another")
    login.ended(5)
    assert stored(folder) == {}


def test_a_token_that_the_account_has_already(tmp_path: Path, vendor: Provider) -> None:
    folder = laid_out(tmp_path, vendor)
    vendor.access["access-token-0123456789"] = "access-secret-0123456789"
    given = json.loads(client(vendor)) | {
        "token": "access-token-0123456789",
        "token_secret": "access-secret-0123456789",
    }
    Login(folder, stdin=json.dumps(given)).ended(0)
    assert stored(folder)["token"] == "access-token-0123456789"
