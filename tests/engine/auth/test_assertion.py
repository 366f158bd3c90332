"""Signed JWTs, verified by `cryptography` itself; keys that do not serve."""

import base64
import hashlib
import hmac
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from evaluating import usual

from conn_engine.auth.signing.assertion import Assertion, sign_assertion
from conn_engine.errors import CredentialError

NOW = 1_760_000_000.5
RSA = rsa.generate_private_key(65537, 2048)
DIGESTS = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}


def pem(key: Any, passphrase: bytes | None = None) -> str:
    way = serialization.BestAvailableEncryption(passphrase) if passphrase else serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, way).decode()


def raw(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def number(value: int) -> str:
    return base64.urlsafe_b64encode(value.to_bytes((value.bit_length() + 7) // 8, "big")).decode().rstrip("=")


def parts(text: str) -> tuple[dict[str, Any], dict[str, Any], bytes, bytes]:
    header, claims, signature = text.split(".")
    return json.loads(raw(header)), json.loads(raw(claims)), raw(signature), f"{header}.{claims}".encode()


class TestAlgorithms:
    @pytest.mark.parametrize("algorithm", ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"])
    def test_rsa(self, algorithm: Any) -> None:
        _, _, signature, content = parts(
            sign_assertion(Assertion(algorithm=algorithm), usual(private_key=pem(RSA)), NOW).text
        )
        digest = DIGESTS[algorithm[2:]]
        way = padding.PSS(padding.MGF1(digest), digest.digest_size) if algorithm[0] == "P" else padding.PKCS1v15()
        RSA.public_key().verify(signature, content, way, digest)

    @pytest.mark.parametrize(
        ("algorithm", "curve", "size"),
        [("ES256", ec.SECP256R1(), 32), ("ES384", ec.SECP384R1(), 48), ("ES512", ec.SECP521R1(), 66)],
    )
    def test_elliptic_curves(self, algorithm: Any, curve: ec.EllipticCurve, size: int) -> None:
        key = ec.generate_private_key(curve)
        _, _, signature, content = parts(
            sign_assertion(Assertion(algorithm=algorithm), usual({"private_key": pem(key)}), NOW).text
        )
        assert len(signature) == 2 * size
        r, s = int.from_bytes(signature[:size], "big"), int.from_bytes(signature[size:], "big")
        key.public_key().verify(encode_dss_signature(r, s), content, ec.ECDSA(DIGESTS[algorithm[2:]]))

    def test_ed25519_as_pem_and_as_jwk(self) -> None:
        key = ed25519.Ed25519PrivateKey.generate()
        secret = base64.urlsafe_b64encode(key.private_bytes_raw()).decode().rstrip("=")
        jwk = json.dumps({"kty": "OKP", "crv": "Ed25519", "d": secret})
        for text in (pem(key), jwk):
            _, _, signature, content = parts(
                sign_assertion(Assertion(algorithm="EdDSA"), usual({"private_key": text}), NOW).text
            )
            key.public_key().verify(signature, content)

    @pytest.mark.parametrize("encoding", ["text", "hex", "base64"])
    def test_shared_secrets(self, encoding: Any) -> None:
        secret = b"a secret \xff" if encoding != "text" else "a secret ü".encode()
        written = {"text": "a secret ü", "hex": secret.hex(), "base64": base64.b64encode(secret).decode()}[encoding]
        settings = Assertion(algorithm="HS256", key="{{secret}}", key_encoding=encoding)
        _, _, signature, content = parts(sign_assertion(settings, usual({"secret": written}), NOW).text)
        assert signature == hmac.new(secret, content, hashlib.sha256).digest()

    def test_an_rsa_jwk(self) -> None:
        numbers = RSA.private_numbers()
        jwk = {"kty": "RSA", "n": number(numbers.public_numbers.n), "e": number(numbers.public_numbers.e)}
        jwk |= {"d": number(numbers.d), "p": number(numbers.p), "q": number(numbers.q)}
        _, _, signature, content = parts(sign_assertion(Assertion(), usual({"private_key": json.dumps(jwk)}), NOW).text)
        RSA.public_key().verify(signature, content, padding.PKCS1v15(), hashes.SHA256())


class TestContent:
    def test_usual_and_own_claims(self) -> None:
        settings = Assertion(
            key_id="{{key_id}}",
            headers={"typ": None, "x5t": "thumb"},
            claims={"iss": "{{context.app}}", "n": "{{1 + 1}}", "aud": None, "nested": {"sub": "{{key_id}}"}},
            lifetime_seconds=540,
            backdate_seconds=60,
            unique=False,
        )
        made = sign_assertion(settings, usual({"private_key": pem(RSA), "key_id": "k1", "context": {"app": "42"}}), NOW)
        header, claims, _, _ = parts(made.text)
        assert header == {"alg": "RS256", "kid": "k1", "x5t": "thumb"}
        assert claims == {
            "iat": 1_759_999_940,
            "exp": 1_760_000_540,
            "iss": "42",
            "n": 2,
            "nested": {"sub": "k1"},
        }
        assert made.expires_at == 1_760_000_540

    def test_each_is_unique(self) -> None:
        one, two = (
            parts(sign_assertion(Assertion(), usual(private_key=pem(RSA)), NOW).text)[1]["jti"] for _ in range(2)
        )
        assert one != two and len(one) == 32

    def test_a_key_inside_a_json_document_and_with_escaped_lines(self) -> None:
        document = json.dumps({"client_email": "robot@example.com", "private_key": pem(RSA)})
        settings = Assertion(
            key="{{$jsonParse(service_account).private_key}}",
            claims={"iss": "{{$jsonParse(service_account).client_email}}"},
        )
        assert (
            parts(sign_assertion(settings, usual({"service_account": document}), NOW).text)[1]["iss"]
            == "robot@example.com"
        )
        escaped = pem(RSA).replace("\n", "\\n")
        assert sign_assertion(Assertion(), usual({"private_key": escaped}), NOW).text

    def test_an_encrypted_key(self) -> None:
        settings = Assertion(passphrase="{{passphrase}}")
        names = {"private_key": pem(RSA, b"open sesame"), "passphrase": "open sesame"}
        assert sign_assertion(settings, usual(names), NOW).text
        with pytest.raises(CredentialError, match="is encrypted, and its `passphrase` is missing"):
            sign_assertion(Assertion(), usual(names), NOW)
        with pytest.raises(CredentialError, match="cannot be read"):
            sign_assertion(settings, usual({**names, "passphrase": "wrong"}), NOW)
        with pytest.raises(CredentialError, match="is not encrypted"):
            sign_assertion(settings, usual({**names, "private_key": pem(RSA)}), NOW)

    def test_the_algorithm_is_said_once(self) -> None:
        with pytest.raises(ValueError, match="`alg`"):
            Assertion(headers={"alg": "none"})


@pytest.mark.parametrize(
    ("key", "settings", "words"),
    [
        ("", Assertion(), "neither a private key"),
        ("secret-words", Assertion(), "neither a private key"),
        ("-----BEGIN PRIVATE KEY-----\nc2VjcmV0LXdvcmRz\n-----END PRIVATE KEY-----", Assertion(), "cannot be read"),
        ('{"kty": "RSA", "secret-words": 1}', Assertion(), "cannot be read"),
        ('{"kty": "oct", "k": "secret-words"}', Assertion(), "cannot be read"),
        ("[" * 5000, Assertion(), "neither a private key"),
        ("{" * 5000, Assertion(), "cannot be read"),
        ("x" * 70_000, Assertion(), "longer than 65,536 characters"),
        ("secret-words", Assertion(algorithm="HS256", key_encoding="hex"), "not valid hex"),
        (pem(RSA), Assertion(algorithm="ES256"), "cannot be used for ES256"),
        (pem(ec.generate_private_key(ec.SECP384R1())), Assertion(algorithm="ES256"), "cannot be used for ES256"),
        (pem(ec.generate_private_key(ec.SECP256R1())), Assertion(algorithm="EdDSA"), "cannot be used for EdDSA"),
    ],
)
def test_a_key_that_does_not_serve(key: str, settings: Assertion, words: str) -> None:
    with pytest.raises(CredentialError) as raised:
        sign_assertion(settings, usual({"private_key": key}), NOW)
    assert words in raised.value.message
    assert "secret-words" not in f"{raised.value.message} {raised.value.hint}"


def test_a_missing_key_is_named() -> None:
    with pytest.raises(CredentialError, match="private_key"):
        sign_assertion(Assertion(), usual({}), NOW)
