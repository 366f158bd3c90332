"""Signatures by private keys and a JWT per request, verified by `cryptography` itself; keys that do not serve."""

import base64
import hashlib
import json
import re
from typing import Any
from urllib.parse import unquote

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from evaluating import usual

from conn_engine.auth.signatures import Signature, SigningContext
from conn_engine.auth.signing.oauth1 import base_string
from conn_engine.config.convert import convert
from conn_engine.errors import ConfigurationError, CredentialError
from conn_engine.wire import Headers, Request

MOMENT = SigningContext(1_760_000_000.25, "0123456789abcdef0123456789abcdef")
RSA = rsa.generate_private_key(65537, 2048)
CURVE = ec.generate_private_key(ec.SECP256R1())
EDWARDS = ed25519.Ed25519PrivateKey.generate()
REQUEST = Request("POST", "https://api.example.com/v1/a%20b?x=1", Headers({"Accept": "*/*"}), '{"n":"ü"}'.encode())
CONTENT = "request.method & '|' & request.target & '|' & request.body & '|' & nonce"
SIGNED = f'POST|/v1/a%20b?x=1|{{"n":"ü"}}|{MOMENT.nonce}'.encode()


def pem(key: Any, passphrase: bytes | None = None) -> str:
    way = serialization.BestAvailableEncryption(passphrase) if passphrase else serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, way).decode()


def sign(kind: str, names: dict[str, Any], request: Request = REQUEST, **config: Any) -> Request:
    most: dict[str, Any] = {} if kind in ("jwt", "oauth1") else {"content": CONTENT, "headers": {"X": "{{signature}}"}}
    return convert({"format": kind, "config": {**most, **config}}, Signature).sign(request, usual(names), MOMENT)


def made(kind: str, key: str, **config: Any) -> bytes:
    signed = sign(kind, {"private_key": key}, **config)
    assert signed.authorized and (signed.body, signed.url) == (REQUEST.body, REQUEST.url)
    return base64.b64decode(signed.headers["x"])


@pytest.mark.parametrize("digest", ["sha1", "sha256", "sha384", "sha512"])
def test_rsa(digest: str) -> None:
    algorithm: Any = getattr(hashes, digest.upper())()
    RSA.public_key().verify(made("rsa", pem(RSA), digest=digest), SIGNED, padding.PKCS1v15(), algorithm)
    salted = padding.PSS(padding.MGF1(algorithm), algorithm.digest_size)
    RSA.public_key().verify(made("rsa", pem(RSA), digest=digest, padding="pss"), SIGNED, salted, algorithm)


def test_the_digest_is_the_one_that_is_said() -> None:
    with pytest.raises(InvalidSignature):
        RSA.public_key().verify(made("rsa", pem(RSA), digest="sha1"), SIGNED, padding.PKCS1v15(), hashes.SHA256())


def test_ecdsa_in_both_forms() -> None:
    CURVE.public_key().verify(made("ecdsa", pem(CURVE)), SIGNED, ec.ECDSA(hashes.SHA256()))
    pair = made("ecdsa", pem(CURVE), form="pair")
    assert len(pair) == 64
    numbers = (int.from_bytes(pair[:32], "big"), int.from_bytes(pair[32:], "big"))
    CURVE.public_key().verify(encode_dss_signature(*numbers), SIGNED, ec.ECDSA(hashes.SHA256()))


@pytest.mark.parametrize("encoding", ["pem", "hex", "base64"])
def test_ed25519_by_key_and_by_seed(encoding: str) -> None:
    seed = EDWARDS.private_bytes_raw()
    key = {"pem": pem(EDWARDS), "hex": seed.hex(), "base64": base64.b64encode(seed).decode()}[encoding]
    EDWARDS.public_key().verify(made("ed25519", key, key_encoding=encoding), SIGNED)
    whole = (seed + EDWARDS.public_key().public_bytes_raw()).hex()  # as some libraries print a key
    EDWARDS.public_key().verify(made("ed25519", whole, key_encoding="hex"), SIGNED)


def test_an_encrypted_key_in_the_query() -> None:
    names = {"private_key": pem(RSA, b"open sesame"), "word": "open sesame"}
    signed = sign("rsa", names, passphrase="{{word}}", headers={}, query={"sign": "{{signature}}"}, encoding="hex")
    text = signed.url.removeprefix(f"{REQUEST.url}&sign=")
    RSA.public_key().verify(bytes.fromhex(text), SIGNED, padding.PKCS1v15(), hashes.SHA256())


def parts(token: str) -> tuple[dict[str, Any], dict[str, Any], bytes, bytes]:
    raw = [base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)) for part in token.split(".")]
    return json.loads(raw[0]), json.loads(raw[1]), raw[2], token.rpartition(".")[0].encode()


def test_a_jwt_about_the_request() -> None:
    assertion = {
        "algorithm": "ES256",
        "key_id": "{{key_id}}",
        "claims": {"iss": "{{key_id}}", "uri": "{{request.method}} {{request.host}}{{request.path}}",
                   "body": "{{request.body_sha256}}"},
        "lifetime_seconds": 60,
    }  # fmt: skip
    signed = sign("jwt", {"private_key": pem(CURVE), "key_id": "k1"}, assertion=assertion)
    assert signed.authorized
    header, claims, signature, content = parts(signed.headers["authorization"].removeprefix("Bearer "))
    assert header == {"alg": "ES256", "typ": "JWT", "kid": "k1"}
    assert claims == {
        "iat": 1_760_000_000,
        "exp": 1_760_000_060,
        "jti": MOMENT.nonce,  # random, and fixed once per request as everything is
        "iss": "k1",
        "uri": "POST api.example.com/v1/a%20b",
        "body": hashlib.sha256(REQUEST.body or b"").hexdigest(),
    }
    numbers = (int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big"))
    CURVE.public_key().verify(encode_dss_signature(*numbers), content, ec.ECDSA(hashes.SHA256()))


def test_a_jwt_in_a_header_of_its_own_without_what_is_usual() -> None:
    assertion = {"algorithm": "HS256", "key": "{{secret}}", "claims": {"exp": None, "iat": None}, "unique": False}
    signed = sign("jwt", {"secret": "s" * 40}, assertion=assertion, headers={"X-Jwt": "{{signature}}"})
    assert "authorization" not in signed.headers
    assert parts(signed.headers["x-jwt"])[1] == {}


@pytest.mark.parametrize(("algorithm", "digest"), [("RSA-SHA1", hashes.SHA1()), ("RSA-SHA256", hashes.SHA256())])
def test_oauth1_by_a_private_key(algorithm: str, digest: Any) -> None:
    names = {"consumer_key": "k", "consumer_secret": pem(RSA), "token": "t", "token_secret": "ts"}
    header = sign("oauth1", names, algorithm=algorithm).headers["authorization"]
    said = {name: unquote(text) for name, text in re.findall(r'(oauth_\w+)="([^"]*)"', header)}
    signature = base64.b64decode(said.pop("oauth_signature"))
    RSA.public_key().verify(signature, base_string(REQUEST, said).encode(), padding.PKCS1v15(), digest)


def test_token_based_authentication_has_a_realm_and_a_wider_digest() -> None:
    names = {"consumer_key": "ck", "consumer_secret": "cs", "token": "t", "token_secret": "ts",
             "context": {"account": "1234567_SB1"}}  # fmt: skip
    header = sign("oauth1", names, algorithm="HMAC-SHA256", realm="{{context.account}}").headers["authorization"]
    assert header.startswith('OAuth realm="1234567_SB1", oauth_consumer_key="ck"')
    assert 'oauth_signature_method="HMAC-SHA256"' in header and 'oauth_version="1.0"' in header


@pytest.mark.parametrize(
    ("kind", "config", "key", "words"),
    [
        ("rsa", {}, "secret-words", "neither a private key"),
        ("rsa", {}, "-----BEGIN PRIVATE KEY-----\nc2VjcmV0LXdvcmRz\n-----END PRIVATE KEY-----", "cannot be read"),
        ("rsa", {}, pem(CURVE), "cannot be used for rsa"),
        ("ecdsa", {}, pem(RSA), "cannot be used for ecdsa"),
        ("ed25519", {}, pem(RSA), "cannot be used for ed25519"),
        ("ed25519", {"key_encoding": "hex"}, "secret-words", "not valid hex"),
        ("ed25519", {"key_encoding": "base64"}, "c2VjcmV0LXdvcmRz", "12 bytes"),
        ("rsa", {}, pem(RSA, b"x"), "is encrypted"),
    ],
)
def test_a_key_that_does_not_serve(kind: str, config: dict[str, Any], key: str, words: str) -> None:
    with pytest.raises(CredentialError, match=words) as raised:
        sign(kind, {"private_key": key}, **config)
    told = f"{raised.value.message} {raised.value.hint}"
    assert "secret-words" not in told and "c2VjcmV0" not in told


def test_a_signature_needs_a_place() -> None:
    for kind in ("rsa", "ecdsa", "ed25519"):
        with pytest.raises(ConfigurationError, match="headers"):
            convert({"format": kind, "config": {"content": "'a'"}}, Signature)


def test_a_body_that_is_no_text_is_signed_whole_or_by_its_digest() -> None:
    picture = Request("PUT", "https://api.example.com/", body=b"\xff\x00\xfe")
    key = {"private_key": pem(EDWARDS)}
    whole = base64.b64decode(sign("ed25519", key, picture, content="request.body").headers["x"])
    EDWARDS.public_key().verify(whole, b"\xff\x00\xfe")
    digest = base64.b64decode(sign("ed25519", key, picture, content="'v1:' & request.body_sha256").headers["x"])
    EDWARDS.public_key().verify(digest, f"v1:{hashlib.sha256(picture.body or b'').hexdigest()}".encode())
    with pytest.raises(ConfigurationError, match="is not text"):
        sign("ed25519", key, picture)
