"""With a seed and a frozen clock, each kind of authorization and signature sends the same bytes again.

With another seed, exactly the requests with a random part differ.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest
import yaml
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from conn_engine.auth.authorization import Authorization
from conn_engine.auth.signatures import Signature
from conn_engine.auth.signing import assertion, oauth1
from conn_engine.config import Workspace, load_workspace
from conn_engine.runtime.call import Call
from conn_engine.runtime.connection import Connection
from conn_engine.runtime.wiring import wire_account
from conn_engine.secrets.vault import MemoryVault
from conn_engine.transport.faults import json_answer
from conn_engine.wire import FrozenClock, Request, Response

BEARER = {"format": "bearer", "config": {"path": "token"}}
RANDOM = "{'headers': {'x-once': $uuid()}, 'query': {'lot': $string($random())}, 'body': {'at': $millis()}}"
SIGNED_TEXT = {
    "content": "request.method & request.url & request.body & timestamp & nonce",
    "headers": {"x-signature": "{{signature}}", "x-nonce": "{{nonce}}"},
}
SALTED = {
    "public_key rsa-pss-sha256": "RSASSA-PSS adds a random salt, which cryptography draws",
    "public_key ecdsa-p256": "ECDSA uses a random number for each signature, which cryptography draws",
    **{f"jwt PS{size}": "the same salt as for rsa pss" for size in (256, 384, 512)},
    **{f"jwt ES{size}": "the same random number as for ecdsa" for size in (256, 384, 512)},
}
"""Cases with random bytes that are not the session's, with the reason."""


@dataclass(frozen=True)
class Case:
    """A kind of authorization or signature. `is_random`: whether its requests have a part that the seed decides."""

    name: str
    key: str
    settings: dict[str, Any]
    is_random: bool = False
    url: str = "/things"

    @property
    def format(self) -> str:
        return str(self.settings["format"])


def authorize(format_: str, variant: str = "", *, is_random: bool = False, url: str = "/things", **config: Any) -> Case:
    return Case(f"{format_} {variant}".strip(), "authorization", {"format": format_, "config": config}, is_random, url)


def sign(format_: str, variant: str = "", *, is_random: bool = True, **config: Any) -> Case:
    return Case(f"{format_} {variant}".strip(), "signature", {"format": format_, "config": config}, is_random)


def key_of(algorithm: str) -> str:
    if algorithm.startswith("ES"):
        return f"{{{{{algorithm}}}}}"
    return {"HS": "{{token}}", "Ed": "{{edwards}}"}.get(algorithm[:2], "{{rsa}}")


CASES = [
    Case("none", "authorization", {"format": "none"}),
    Case("bearer", "authorization", BEARER),
    authorize("basic", username="{{name}}", password="{{token}}"),
    authorize("header", name="X-Key", value="{{token}}"),
    authorize("query", name="key", value="{{token}}"),
    authorize("path", name="key", value="{{token}}", url="/{key}/things"),
    authorize("cookie", value="sid={{token}}"),
    authorize("body", field="key", value="{{token}}"),
    authorize("expression", is_random=True, expression=RANDOM),
    authorize("expression", "without randomness", expression="{'headers': {'x-key': token}}"),
    authorize("several", all=[BEARER, {"format": "expression", "config": {"expression": RANDOM}}], is_random=True),
    authorize("choice", by="name", options={"me": BEARER}),
    Case("none", "signature", {"format": "none"}),
    *(sign("hmac", algorithm, algorithm=algorithm, key="{{token}}", **SIGNED_TEXT) for algorithm in ("sha256", "md5")),
    sign(
        "hmac",
        "without a nonce",
        is_random=False,
        key="{{token}}",
        content="request.url & timestamp_ms",
        headers={"x-signature": "{{signature}}", "x-date": "{{date}}"},
    ),
    *(
        sign("public_key", algorithm, algorithm=algorithm, key=key, **SIGNED_TEXT)
        for algorithm, key in (
            ("rsa-sha256", "{{rsa}}"),
            ("rsa-pss-sha256", "{{rsa}}"),
            ("ecdsa-p256", "{{ES256}}"),
            ("ed25519", "{{edwards}}"),
        )
    ),
    *(
        sign("jwt", name, assertion={"algorithm": name, "key": key_of(name)}, headers={"x-jwt": "{{signature}}"})
        for name in get_args(assertion.Algorithm)
    ),
    sign(
        "jwt",
        "without jti",
        is_random=False,
        assertion={"algorithm": "HS256", "key": "{{token}}", "unique": False},
    ),
    sign("aws_sigv4", is_random=False, service="s3", region="r", access_key="{{name}}", secret_key="{{token}}"),
    *(
        sign("oauth1", name, algorithm=name, consumer_key="{{name}}", consumer_secret=secret, token_secret="{{token}}")
        for name in get_args(oauth1.Algorithm)
        for secret in ["{{rsa}}" if name.startswith("RSA") else "{{token}}"]
    ),
]


def to_pem(key: Any) -> str:
    plain = serialization.NoEncryption()
    return str(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain).decode())


@pytest.fixture(scope="module")
def vault() -> MemoryVault:
    curves = {"ES256": ec.SECP256R1(), "ES384": ec.SECP384R1(), "ES512": ec.SECP521R1()}
    keys = {
        "rsa": rsa.generate_private_key(65537, 2048),
        "edwards": ed25519.Ed25519PrivateKey.generate(),
        **{name: ec.generate_private_key(curve) for name, curve in curves.items()},
    }
    names = {"api_key": "unused", "name": "me", "token": "token-1"}
    return MemoryVault({"acme": names | {name: to_pem(key) for name, key in keys.items()}})


def write_workspace(folder: Path, case: Case) -> Workspace:
    connector = {
        "base_url": "https://api.example.com",
        "credentials": {"format": "api_key"},
        "authorization": BEARER,
        case.key: case.settings,
        "resources": {"things": {"create": {"method": "post", "path": case.url}}},
    }
    files = {
        "conn.yaml": {"version": 1},
        "connectors/shop/connector.yaml": connector,
        "accounts/acme.yaml": {"connector": "shop"},
    }
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(yaml.safe_dump(content), encoding="utf-8")
    return load_workspace(folder)


@dataclass
class Recorder:
    """Records what is sent."""

    sent: list[Request] = field(default_factory=list)

    def send(self, request: Request) -> Response:
        self.sent.append(request)
        return json_answer({})


def send_twice(workspace: Workspace, vault: MemoryVault, seed: int) -> list[Any]:
    """Send two requests in one session and return what was sent."""
    transport = Recorder()
    wiring = wire_account(workspace, "acme", environ={}, vault=vault, clock=FrozenClock(1_700_000_000.5), seed=seed)
    with Connection(wiring, transport) as connection:
        for _ in range(2):
            list(connection.pages("things.create", Call(body={"n": 1}, query={"q": "a b"})))
    return [(one.method, one.url, one.headers.pairs, one.body) for one in transport.sent]


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=[f"{case.key}: {case.name}" for case in CASES])
def test_the_same_seed_sends_the_same_bytes(tmp_path: Path, vault: MemoryVault, case: Case) -> None:
    workspace = write_workspace(tmp_path, case)
    first, again, other = (send_twice(workspace, vault, seed) for seed in (7, 7, 8))
    assert len(first) == 2
    assert (first == again) == (case.name not in SALTED)
    for sent in (first, other):
        assert (sent[0] != sent[1]) == case.is_random
    assert all((before != after) == case.is_random for before, after in zip(first, other, strict=True))


@pytest.mark.parametrize(("key", "union"), [("authorization", Authorization), ("signature", Signature)])
def test_each_kind_has_a_case(key: str, union: Any) -> None:
    tags = {msgspec.inspect.type_info(kind).tag for kind in get_args(union)}
    assert {case.format for case in CASES if case.key == key} == tags
    assert SALTED.keys() <= {case.name for case in CASES}
