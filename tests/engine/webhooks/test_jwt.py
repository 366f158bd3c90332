"""Laws of deliveries that carry a JWT, held against PyJWT as the signer: no other algorithm, key, time or claim."""

import base64
import hashlib
import hmac
import json

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from desk import NOW, Vendor, outcome, post, verify_delivery
from hypothesis import given
from hypothesis import strategies as st
from measuring import cpu_limit

from conn_engine.config.convert import convert
from conn_engine.errors import ConfigurationError
from conn_engine.webhooks import Verification

SECRET = "a secret of at least thirty-two bytes, as it should be"
RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC = ec.generate_private_key(ec.SECP256R1())
CLAIMS = {"iss": "vendor", "iat": int(NOW), "exp": int(NOW) + 60}


def pem(key):
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(serialization.Encoding.PEM, form).decode()


def way(*algorithms, **more):
    return {"format": "jwt", "config": {"algorithms": list(algorithms or ("HS256",)), "key": "{{key}}", **more}}


def carried(claims=None, *, key=SECRET, algorithm="HS256", headers=None, body=b"{}", prefix="Bearer "):
    token = jwt.encode(CLAIMS if claims is None else claims, key, algorithm=algorithm, headers=headers)
    return post(body, {"authorization": f"{prefix}{token}"})


def written(header, payload, sign):
    """A JWT of these parts, whatever they are."""

    def part(raw):
        return base64.urlsafe_b64encode(raw if isinstance(raw, bytes) else json.dumps(raw).encode()).rstrip(b"=")

    signed = part(header) + b"." + part(payload)
    return post(b"{}", {"authorization": "Bearer " + (signed + b"." + part(sign(signed))).decode()})


def by_secret(secret=SECRET):
    return lambda signed: hmac.new(secret.encode() if isinstance(secret, str) else secret, signed, "sha256").digest()


@pytest.mark.parametrize(
    ("algorithm", "own", "key"),
    [
        ("HS256", SECRET, SECRET),
        ("HS384", SECRET, SECRET),
        ("HS512", SECRET, SECRET),
        ("RS256", RSA, pem(RSA)),
        ("RS512", RSA, pem(RSA)),
        ("PS256", RSA, pem(RSA)),
        ("ES256", EC, pem(EC)),
    ],
)
def test_what_the_key_signed_is_verified(algorithm, own, key):
    came = carried(key=own, algorithm=algorithm)
    assert outcome(way(algorithm), came, {"key": key}) == "verified"
    assert verify_delivery(way(algorithm), came, {"key": key}).claims == CLAIMS
    assert outcome(way(algorithm), came, {"key": pem(OTHER) if key != SECRET else SECRET + "x"}) != "verified"


def test_each_key_of_a_rotation_proves():
    settings = way(key=["{{old}}", "{{missing}}", "{{new}}"])
    assert outcome(settings, carried(), {"old": "o" * 40, "new": SECRET}) == "verified"
    assert outcome(settings, carried(), {"old": "o" * 40}) == "wrong_signature"


@given(bit=st.integers(min_value=0))
def test_one_other_bit_of_the_jwt_is_refused(bit):
    token = carried().headers["authorization"].removeprefix("Bearer ")
    at = bit % (len(token) * 6)
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    place, letter = at // 6, token[at // 6]
    if letter == ".":
        return
    changed = token[:place] + letters[letters.index(letter) ^ 1 << at % 6] + token[place + 1 :]
    found = outcome(way(), post(b"{}", {"authorization": f"Bearer {changed}"}), {"key": SECRET})
    assert found != "verified" or decoded(changed) == decoded(
        token
    )  # the last letter of a part has bits that mean nothing
    assert found != "credential"


def decoded(token):
    return [base64.urlsafe_b64decode(part + "==") for part in token.split(".")]


# --- other algorithms ---


@pytest.mark.parametrize(
    "name", ["none", "None", "nOnE", "NONE", "", None, 7, ["HS256"], "HS257", "hs256", "HS512", "RS256"]
)
@pytest.mark.parametrize("signature", [b"", hashlib.sha256(b"").digest()])
def test_an_algorithm_that_is_not_accepted_is_refused(name, signature):
    came = written({"alg": name, "typ": "JWT"}, CLAIMS, lambda signed: signature)
    assert outcome(way(), came, {"key": SECRET}) in ("wrong_algorithm", "unsigned")
    assert outcome(way("RS384"), came, {"key": pem(RSA)}) in ("wrong_algorithm", "unsigned")


@pytest.mark.parametrize("secret", [pem(RSA), pem(RSA).strip(), pem(RSA).replace("\n", "")])
def test_a_public_key_is_no_shared_secret(secret):
    came = written({"alg": "HS256", "typ": "JWT"}, CLAIMS, by_secret(secret))
    assert outcome(way("RS256"), came, {"key": pem(RSA)}) == "wrong_algorithm"


def test_accepted_algorithms_are_of_one_kind():
    for algorithms in (["HS256", "RS256"], [], ["none"]):
        with pytest.raises(ConfigurationError):
            convert(way(*algorithms) if algorithms else {"format": "jwt", "config": {"algorithms": []}}, Verification)


def test_a_key_of_another_kind_is_left_out_beside_one_that_fits():
    settings, came = way("RS256"), carried(key=RSA, algorithm="RS256")
    assert outcome(settings, came, {"key": [pem(EC), "no key", pem(RSA)]}) == "verified"
    assert outcome(settings, came, {"key": [pem(EC), pem(OTHER)]}) == "wrong_signature"
    assert outcome(settings, came, {"key": [pem(EC), "no key"]}) == "credential"


@pytest.mark.parametrize("key", ["", " ", "=", None])
def test_an_empty_secret_verifies_nothing(key):
    for encoding in ("text", "base64", "hex"):
        came = written({"alg": "HS256"}, CLAIMS, by_secret(b""))
        assert outcome(way(key_encoding=encoding), came, {"key": key}) in ("credential", "wrong_signature")


def test_a_short_secret_is_the_vendors_affair():
    came = written({"alg": "HS256", "typ": "JWT"}, CLAIMS, by_secret("short"))
    assert outcome(way(), came, {"key": "short"}) == "verified"


@pytest.mark.parametrize(
    "more",
    [
        {"crit": ["exp"]},
        {"crit": ["b64"], "b64": False},
        {"b64": False},
        {"crit": []},
        {"crit": "b64"},
        {"crit": ["made-up"], "made-up": 1},
    ],
)
def test_an_unknown_critical_header_is_refused(more):
    came = written({"alg": "HS256", "typ": "JWT", **more}, CLAIMS, by_secret())
    assert outcome(way(), came, {"key": SECRET}) == "unsigned"


@pytest.mark.parametrize("name", ["jku", "x5u", "jwk", "x5c", "kid"])
def test_a_key_that_the_jwt_brings_along_is_not_looked_at(name):
    own = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(OTHER.public_key()))
    brought = {
        "jku": "https://evil.example/jwks",
        "x5u": "https://evil.example/x",
        "jwk": own,
        "x5c": ["AAAA"],
        "kid": "1",
    }
    came = carried(key=OTHER, algorithm="RS256", headers={name: brought[name]})
    assert outcome(way("RS256"), came, {"key": pem(RSA)}, vendor=Vendor()) == "wrong_signature"


# --- times ---


@given(age=st.integers(min_value=-400, max_value=400), leeway=st.integers(min_value=0, max_value=100))
def test_its_times_are_checked_with_the_leeway(age, leeway):
    settings, now = way(leeway_seconds=leeway), NOW + age

    def at(**claims):
        return outcome(settings, carried(claims={"a": 1, **claims}), {"key": SECRET}, now=now)

    assert at(exp=int(NOW)) == ("verified" if age <= leeway else "stale")
    assert at(nbf=int(NOW)) == ("verified" if age >= -leeway else "stale")
    assert at(iat=int(NOW)) == ("verified" if age >= -leeway else "stale")


def test_the_clocks_may_not_differ_unless_a_leeway_is_stated():
    for late, allowed in ((2, 0), (2, 2)):
        settings = way(leeway_seconds=allowed) if allowed else way()
        assert outcome(settings, carried(claims={"exp": int(NOW)}), {"key": SECRET}, now=NOW + late) == (
            "verified" if allowed else "stale"
        )


@given(age=st.integers(min_value=0, max_value=1000), lifetime=st.integers(min_value=1, max_value=500))
def test_it_may_be_as_old_as_its_lifetime(age, lifetime):
    settings = way(lifetime_seconds=lifetime, leeway_seconds=0)
    assert outcome(settings, carried(claims={"iat": int(NOW)}), {"key": SECRET}, now=NOW + age) == (
        "verified" if age <= lifetime else "stale"
    )
    assert outcome(settings, carried(claims={"a": 1}), {"key": SECRET}) == "stale"


@pytest.mark.parametrize("name", ["exp", "nbf", "iat"])
@pytest.mark.parametrize("value", ["1760000000", True, [], {}, 1e300, -1e300, "nan"])
def test_what_is_no_time_is_refused(name, value):
    came = written({"alg": "HS256", "typ": "JWT"}, {name: value}, by_secret())
    assert outcome(way(), came, {"key": SECRET}) == "unsigned"


@pytest.mark.parametrize("text", [b'{"exp": NaN}', b'{"exp": Infinity}', b'{"exp": 1e999}'])
def test_numbers_that_are_none_are_refused(text):
    assert outcome(way(), written({"alg": "HS256"}, text, by_secret()), {"key": SECRET}) in ("unsigned", "stale")


# --- claims ---


@pytest.mark.parametrize("name", ["iss", "iat", "exp"])
def test_claims_that_must_be_there_must(name):
    lacking = {key: value for key, value in CLAIMS.items() if key != name}
    settings = way(claims=["iss", "iat", "exp"])
    assert outcome(settings, carried(), {"key": SECRET}) == "verified"
    for claims in (lacking, {**lacking, name: None}):
        came = written({"alg": "HS256", "typ": "JWT"}, claims, by_secret())
        assert outcome(settings, came, {"key": SECRET}) == "requirement"


@pytest.mark.parametrize(("issuer", "found"), [("vendor", "verified"), ("Vendor", "requirement"), ("", "requirement")])
def test_the_issuer_is_the_configured_one(issuer, found):
    assert outcome(way(issuer="{{who}}"), carried(), {"key": SECRET, "who": issuer}) == found
    assert outcome(way(issuer="vendor"), carried(claims={"a": 1}), {"key": SECRET}) == "requirement"


@pytest.mark.parametrize(
    ("audience", "found"),
    [
        ("us", "verified"),
        (["them", "us"], "verified"),
        ("use", "requirement"),
        ([], "requirement"),
        (None, "requirement"),
        ({"us": 1}, "requirement"),
        ([["us"]], "requirement"),
    ],
)
def test_the_audience_is_or_contains_the_configured_one(audience, found):
    came = written({"alg": "HS256", "typ": "JWT"}, {"aud": audience}, by_secret())
    assert outcome(way(audience="us"), came, {"key": SECRET}) == found


@given(body=st.binary(max_size=100), other=st.binary(max_size=100))
def test_a_claim_may_cover_the_body(body, other):
    settings = way(expect="claims.hash = body_sha256")
    claims = {"hash": hashlib.sha256(body).hexdigest()}
    assert outcome(settings, carried(claims=claims, body=body), {"key": SECRET}) == "verified"
    assert outcome(settings, carried(claims=claims, body=other), {"key": SECRET}) == (
        "verified" if body == other else "requirement"
    )
    assert outcome(settings, carried(claims={"a": 1}, body=body), {"key": SECRET}) == "requirement"


# --- where it stands ---


def test_the_whole_body_may_be_the_jwt():
    token = jwt.encode(CLAIMS, SECRET)
    settings = way(token="text")
    for body in (token, f"{token}\n", f"Bearer {token}"):
        assert outcome(settings, post(body.encode()), {"key": SECRET}) == "verified"
    assert outcome(settings, post(b""), {"key": SECRET}) == "unsigned"
    large = jwt.encode({**CLAIMS, "a": "x" * 500_000}, SECRET)
    assert outcome(settings, post(large.encode()), {"key": SECRET}) == "verified"
    assert outcome(way(), post(b"", {"authorization": large}), {"key": SECRET}) == "unsigned"


def test_the_scheme_before_it_is_its_own():
    assert outcome(way(prefix="JWT "), carried(prefix="JWT "), {"key": SECRET}) == "verified"
    assert outcome(way(prefix="JWT "), carried(prefix="Basic "), {"key": SECRET}) == "unsigned"
    assert outcome(way(prefix=None), carried(prefix=""), {"key": SECRET}) == "verified"


def test_two_jwts_are_refused():
    same = carried().headers["authorization"]
    assert (
        outcome(way(), post(b"{}", [("authorization", same), ("Authorization", same)]), {"key": SECRET}) == "ambiguous"
    )


def test_claims_of_a_way_that_fails_are_not_those_of_the_next():
    token = {"format": "token", "config": {"token": "headers.token", "key": "{{token}}"}}
    settings = {"format": "any", "config": {"of": [way(expect="claims.iss = 'other'"), token]}}
    came = post(b"{}", {"authorization": carried().headers["authorization"], "token": "t"})
    assert verify_delivery(settings, came, {"key": SECRET, "token": "t"}).claims == {}


@given(text=st.text(max_size=200) | st.binary(max_size=200).map(lambda raw: raw.decode("latin-1")))
def test_whatever_stands_there_is_refused(text):
    assert outcome(way(), post(b"{}", {"authorization": text}), {"key": SECRET}) == "unsigned"


@given(header=st.binary(max_size=60), payload=st.binary(max_size=60), signature=st.binary(max_size=60))
def test_whatever_its_parts_are_is_refused(header, payload, signature):
    came = written(header, payload, lambda signed: signature)
    assert outcome(way(), came, {"key": SECRET}) in ("unsigned", "wrong_algorithm", "wrong_signature")


PARTS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda part: st.lists(part, max_size=3) | st.dictionaries(st.text(max_size=3), part, max_size=3),
    max_leaves=8,
)


@given(header=st.dictionaries(st.sampled_from(["alg", "typ", "kid", "crit", "b64", "x5c"]), PARTS), payload=PARTS)
def test_whatever_is_signed_is_verified_or_refused(header, payload):
    came = written({"alg": "HS256", **header}, payload, by_secret())
    assert outcome(way(), came, {"key": SECRET}) in ("verified", "unsigned", "wrong_algorithm", "stale")


@pytest.mark.parametrize("payload", [b"[" * 60_000, b'{"a":' * 10_000, b"1" * 40_000])
def test_deep_and_long_claims_are_refused(payload):

    with cpu_limit(10):
        for token in ("headers.authorization", "text"):
            came = written({"alg": "HS256"}, payload, by_secret())
            came = came if token != "text" else post(came.headers["authorization"].encode())
            assert outcome(way(token=token), came, {"key": SECRET}) == "unsigned"
