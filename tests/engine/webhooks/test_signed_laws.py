"""Laws of signed deliveries, compared with independent signers: only what is signed is verified."""

import base64
import hmac

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from desk import NOW, outcome, post
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook

SECRET = "a shared secret with ünïcode"
STAMP = str(int(NOW))
BODIES = st.binary(max_size=200) | st.text(max_size=100).map(str.encode)
HEADER = "x-signature"


def hmac_way(**more):
    config = {
        "signature": 'headers."x-signature"',
        "content": 'timestamp & "." & text',
        "timestamp": 'headers."x-time"',
    }
    return {"format": "hmac", "config": {**config, "key": "{{secret}}", **more}}


def signed(body, secret=SECRET, stamp=STAMP, **more):
    digest = hmac.new(secret.encode(), stamp.encode() + b"." + body, "sha256").hexdigest()
    return post(body, {HEADER: digest, "x-time": stamp, **more})


def flipped(data: bytes, bit: int) -> bytes:
    """The bytes with one bit the other way."""
    at = bit % (8 * len(data))
    return data[: at // 8] + bytes([data[at // 8] ^ 1 << at % 8]) + data[at // 8 + 1 :]


# --- by a shared key ---


@given(body=BODIES)
def test_what_the_key_signed_is_verified_whatever_bytes_it_has(body):
    assert outcome(hmac_way(), signed(body), {"secret": SECRET}) == "verified"


@given(body=st.binary(min_size=1, max_size=60), bit=st.integers(min_value=0))
def test_one_other_bit_of_the_body_is_refused(body, bit):
    genuine = signed(body)
    forged = post(flipped(body, bit), dict(genuine.headers.pairs))
    assert outcome(hmac_way(), forged, {"secret": SECRET}) == "wrong_signature"


@given(seconds=st.integers(min_value=-300, max_value=300).filter(bool))
def test_another_time_within_the_tolerance_is_refused(seconds):
    genuine = dict(signed(b"{}").headers.pairs)
    moved = post(b"{}", {**genuine, "x-time": str(int(NOW) + seconds)})
    assert outcome(hmac_way(), moved, {"secret": SECRET}) == "wrong_signature"


@given(bit=st.integers(min_value=0, max_value=8 * len(SECRET.encode()) - 1))
def test_a_key_with_one_other_bit_is_refused(bit):
    other = flipped(SECRET.encode(), bit).decode("latin-1")
    assert outcome(hmac_way(), signed(b"{}"), {"secret": other}) == "wrong_signature"


@given(bit=st.integers(min_value=0, max_value=255))
def test_a_signature_with_one_other_bit_is_refused(bit):
    genuine = dict(signed(b"{}").headers.pairs)
    forged = flipped(bytes.fromhex(genuine[HEADER]), bit).hex()
    assert outcome(hmac_way(), post(b"{}", {**genuine, HEADER: forged}), {"secret": SECRET}) == "wrong_signature"


@given(length=st.integers(min_value=0, max_value=63))
def test_a_part_of_a_signature_is_refused(length):
    genuine = dict(signed(b"{}").headers.pairs)
    cut = {**genuine, HEADER: genuine[HEADER][:length]}
    assert outcome(hmac_way(), post(b"{}", cut), {"secret": SECRET}) in ("wrong_signature", "unsigned")


@given(age=st.integers(min_value=-1000, max_value=1000), tolerance=st.integers(min_value=1, max_value=500))
def test_it_may_be_as_far_from_now_as_is_tolerated(age, tolerance):
    found = outcome(hmac_way(tolerance_seconds=tolerance), signed(b"{}"), {"secret": SECRET}, now=NOW + age)
    assert found == ("verified" if abs(age) <= tolerance else "stale")


@given(age=st.integers(min_value=-50, max_value=50), ahead=st.integers(min_value=0, max_value=40))
def test_how_far_ahead_it_may_be_can_be_another_time(age, ahead):
    way = hmac_way(tolerance_seconds=20, ahead_seconds=ahead)
    found = outcome(way, signed(b"{}"), {"secret": SECRET}, now=NOW + age)
    assert found == ("verified" if -ahead <= age <= 20 else "stale")


@given(age=st.integers(min_value=-(10**9), max_value=10**9))
def test_no_tolerance_is_however_old(age):
    assert outcome(hmac_way(tolerance_seconds=0), signed(b"{}"), {"secret": SECRET}, now=NOW + age) == "verified"


@pytest.mark.parametrize(
    "stamp", ["", "yesterday", "1e999", "-1", "nan", "１７６００００００００", "0x68e6", "1760000000 x"]
)
def test_what_is_no_time_is_refused(stamp):
    assert outcome(hmac_way(), signed(b"{}", stamp=stamp), {"secret": SECRET}) in ("no_timestamp", "stale")


def test_a_delivery_without_a_time_is_refused():
    headers = {HEADER: dict(signed(b"{}").headers.pairs)[HEADER]}
    assert outcome(hmac_way(), post(b"{}", headers), {"secret": SECRET}) == "no_timestamp"


@given(others=st.lists(st.binary(min_size=32, max_size=32).map(bytes.hex), max_size=8), at=st.integers(min_value=0))
def test_one_good_signature_of_several_is_enough(others, at):
    good = dict(signed(b"{}").headers.pairs)[HEADER]
    place = at % (len(others) + 1)
    said = ",".join(f"v1={one}" for one in [*others[:place], good, *others[place:]])
    way = hmac_way(separator=",", pair="=", take="v1")
    assert outcome(way, post(b"{}", {HEADER: said, "x-time": STAMP}), {"secret": SECRET}) == "verified"
    renamed = said.replace("v1=", "v0=")
    assert outcome(way, post(b"{}", {HEADER: renamed, "x-time": STAMP}), {"secret": SECRET}) == "unsigned"


def test_more_signatures_than_fifty_are_not_tried():
    good = dict(signed(b"{}").headers.pairs)[HEADER]
    said = ",".join(["00" * 32] * 50 + [good])
    assert (
        outcome(hmac_way(separator=","), post(b"{}", {HEADER: said, "x-time": STAMP}), {"secret": SECRET}) != "verified"
    )


@pytest.mark.parametrize("name", [HEADER, "X-Time"])
def test_a_header_that_counts_and_comes_twice_is_refused(name):
    genuine = signed(b"{}").headers
    twice = [*genuine.pairs, (name, genuine[name])]
    assert outcome(hmac_way(), post(b"{}", twice), {"secret": SECRET}) == "ambiguous"


def test_a_parameter_that_counts_and_comes_twice_is_refused():
    way = {"format": "token", "config": {"token": "query.token", "key": "{{secret}}"}}
    for query, found in (
        ("token=s", "verified"),
        ("token=s&token=s", "ambiguous"),
        ("token=s&to=1&to=2&a=1&a=2", "verified"),
    ):
        assert outcome(way, post(b"{}", url=f"https://hooks.example.com/in?{query}"), {"secret": "s"}) == found


def test_other_headers_may_come_twice():
    twice = [
        *signed(b"{}").headers.pairs,
        ("via", "a"),
        ("via", "b"),
        ("t", "a"),
        ("t", "b"),
        ("time", "1"),
        ("time", "2"),
    ]
    assert outcome(hmac_way(), post(b"{}", twice), {"secret": SECRET}) == "verified"


@pytest.mark.parametrize("parts", ["t=1760000000,v1={good},t=1", "t=1,t=1760000000,v1={good}"])
def test_two_times_are_refused(parts):
    way = hmac_way(separator=",", pair="=", take="v1", timestamp="parts.t")
    said = parts.format(good=dict(signed(b"{}").headers.pairs)[HEADER])
    assert outcome(way, post(b"{}", {HEADER: said}), {"secret": SECRET}) == "ambiguous"


def test_the_same_time_may_stand_with_each_signature():
    way = hmac_way(separator=",", pair="=", take="v1", timestamp="parts.t")
    good = dict(signed(b"{}").headers.pairs)[HEADER]
    said = f"t={STAMP},v1={'00' * 32},t={STAMP},v1={good}"
    assert outcome(way, post(b"{}", {HEADER: said}), {"secret": SECRET}) == "verified"


@pytest.mark.parametrize(
    "kept", [{}, {"secret": ""}, {"secret": None}, {"secret": "  "}, {"secret": []}, {"secret": ["", None]}]
)
def test_an_empty_secret_verifies_nothing(kept):
    empty = post(b"{}", {HEADER: hmac.new(b"", b"%s.{}" % STAMP.encode(), "sha256").hexdigest(), "x-time": STAMP})
    assert outcome(hmac_way(), empty, kept) == "credential"


@pytest.mark.parametrize(
    ("encoding", "secret"), [("base64", "="), ("hex", " "), ("base64", "not base64!"), ("hex", "xyz")]
)
def test_a_secret_that_is_written_wrongly_is_no_proof(encoding, secret):
    assert outcome(hmac_way(key_encoding=encoding), signed(b"{}", secret=""), {"secret": secret}) == "credential"


def test_a_prefix_alone_is_no_secret():
    assert outcome(hmac_way(key_prefix="whsec_"), signed(b"{}", secret=""), {"secret": "whsec_"}) == "credential"


@given(body=BODIES, at=st.integers(min_value=0, max_value=2))
def test_each_key_of_a_rotation_proves(body, at):
    keys = ["one", "two", "three"]
    assert outcome(hmac_way(), signed(body, secret=keys[at]), {"secret": keys}) == "verified"
    way = hmac_way(key=["{{missing}}", "{{secret}}"])
    assert outcome(way, signed(body), {"secret": SECRET}) == "verified"


@pytest.mark.parametrize("algorithm", ["md5", "sha1", "sha256", "sha384", "sha512"])
@pytest.mark.parametrize("encoding", ["hex", "base64", "base64url"])
@given(body=BODIES)
def test_each_digest_and_writing_is_verified_and_no_other(algorithm, encoding, body):
    raw = hmac.new(SECRET.encode(), body, algorithm).digest()
    text = {
        "hex": raw.hex(),
        "base64": base64.b64encode(raw).decode(),
        "base64url": base64.urlsafe_b64encode(raw).decode(),
    }
    way = {
        "format": "hmac",
        "config": {"signature": 'headers."x-signature"', "algorithm": algorithm, "key": "{{secret}}"},
    }
    way["config"]["encoding"] = encoding
    assert outcome(way, post(body, {HEADER: text[encoding]}), {"secret": SECRET}) == "verified"
    way["config"]["algorithm"] = "sha256" if algorithm != "sha256" else "sha512"
    assert outcome(way, post(body, {HEADER: text[encoding]}), {"secret": SECRET}) == "wrong_signature"


# --- by the Standard Webhooks specification ---


@given(body=st.text(max_size=100), key=st.binary(min_size=24, max_size=64), other=st.binary(min_size=24, max_size=64))
def test_what_the_specification_signs_is_verified(body, key, other):
    from datetime import UTC, datetime

    secret = "whsec_" + base64.b64encode(key).decode()
    signature = Webhook(secret).sign("msg_1", datetime.fromtimestamp(NOW, UTC), body)
    headers = {"webhook-id": "msg_1", "webhook-timestamp": STAMP, "webhook-signature": signature}
    way = {"format": "standard_webhooks", "config": {"key": "{{secret}}"}}
    came = post(body.encode(), headers)
    assert outcome(way, came, {"secret": secret}) == "verified"
    assert outcome(way, came, {"secret": base64.b64encode(key).decode()}) == "verified"
    if other != key:
        assert outcome(way, came, {"secret": base64.b64encode(other).decode()}) == "wrong_signature"
    for name, forged in (("webhook-id", "msg_2"), ("webhook-timestamp", str(int(NOW) + 1))):
        assert outcome(way, post(body.encode(), {**headers, name: forged}), {"secret": secret}) == "wrong_signature"
    for name, said in headers.items():
        rest = {key: value for key, value in headers.items() if key != name}
        assert outcome(way, post(body.encode(), rest), {"secret": secret}) in ("unsigned", "no_timestamp")
        twice = [*headers.items(), (name, said)]
        assert outcome(way, post(body.encode(), twice), {"secret": secret}) == "ambiguous"


# --- by the vendor's private key ---

ED = ed25519.Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC = ec.generate_private_key(ec.SECP256R1())
FORMS = serialization.Encoding, serialization.PublicFormat


def pem(key):
    return key.public_key().public_bytes(FORMS[0].PEM, FORMS[1].SubjectPublicKeyInfo).decode()


def der(key):
    return key.public_key().public_bytes(FORMS[0].DER, FORMS[1].SubjectPublicKeyInfo)


def pair(signature):
    return b"".join(number.to_bytes(32, "big") for number in decode_dss_signature(signature))


SIGNERS = {
    "ed25519": ({"format": "ed25519"}, ED, ED.sign),
    "rsa": ({"format": "rsa"}, RSA, lambda body: RSA.sign(body, padding.PKCS1v15(), hashes.SHA256())),
    "rsa-sha1": (
        {"format": "rsa", "config": {"digest": "sha1"}},
        RSA,
        lambda body: RSA.sign(body, padding.PKCS1v15(), hashes.SHA1()),
    ),
    "rsa-pss": (
        {"format": "rsa", "config": {"padding": "pss", "digest": "sha512"}},
        RSA,
        lambda body: RSA.sign(body, padding.PSS(padding.MGF1(hashes.SHA512()), 32), hashes.SHA512()),
    ),
    "ecdsa": ({"format": "ecdsa"}, EC, lambda body: EC.sign(body, ec.ECDSA(hashes.SHA256()))),
    "ecdsa-pair": (
        {"format": "ecdsa", "config": {"form": "pair"}},
        EC,
        lambda body: pair(EC.sign(body, ec.ECDSA(hashes.SHA256()))),
    ),
}


@pytest.mark.parametrize("name", SIGNERS)
@given(body=BODIES, bit=st.integers(min_value=0))
def test_what_the_private_key_signed_is_verified_and_nothing_else(name, body, bit):
    told, key, sign = SIGNERS[name]
    config = {"signature": 'headers."x-signature"', "encoding": "base64", "key": "{{key}}", **told.get("config", {})}
    way = {"format": told["format"], "config": config}
    signature = sign(body)
    came = post(body, {HEADER: base64.b64encode(signature).decode()})
    assert outcome(way, came, {"key": pem(key)}) == "verified"
    assert outcome(way, came, {"key": [pem(key).replace("\n", "\\n")]}) == "verified"
    written = {**way, "config": {**config, "key_encoding": "base64"}}
    assert outcome(written, came, {"key": base64.b64encode(der(key)).decode()}) == "verified"
    wrong = post(body, {HEADER: base64.b64encode(flipped(signature, bit)).decode()})
    assert outcome(way, wrong, {"key": pem(key)}) == "wrong_signature"
    assert outcome(way, post(body + b" ", dict(came.headers.pairs)), {"key": pem(key)}) == "wrong_signature"


@pytest.mark.parametrize("name", SIGNERS)
@pytest.mark.parametrize(
    "key", ["", "no key", pem(ED), pem(RSA), pem(EC), "-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----"]
)
def test_a_key_that_is_none_or_of_another_kind_is_no_proof(name, key):
    told, own, sign = SIGNERS[name]
    config = {"signature": 'headers."x-signature"', "encoding": "base64", "key": "{{key}}", **told.get("config", {})}
    came = post(b"{}", {HEADER: base64.b64encode(sign(b"{}")).decode()})
    expected = "verified" if key == pem(own) else "credential"
    assert outcome({"format": told["format"], "config": config}, came, {"key": key}) == expected


def test_a_key_of_another_kind_is_left_out_beside_one_that_fits():
    way = {"format": "rsa", "config": {"signature": 'headers."x-signature"', "encoding": "base64", "key": "{{key}}"}}
    came = post(b"{}", {HEADER: base64.b64encode(SIGNERS["rsa"][2](b"{}")).decode()})
    assert outcome(way, came, {"key": [pem(EC), "no key", pem(RSA)]}) == "verified"
    assert outcome(way, post(b"{} ", dict(came.headers.pairs)), {"key": [pem(EC), pem(RSA)]}) == "wrong_signature"
    assert outcome(way, came, {"key": [pem(EC), "no key"]}) == "credential"


# --- what stands there as it is ---


@given(secret=st.text(min_size=1, max_size=40).filter(str.strip), said=st.text(max_size=40))
def test_only_the_secret_is_accepted_as_token(secret, said):
    import json

    way = {"format": "token", "config": {"token": "body.token", "key": "{{secret}}"}}
    came = post(json.dumps({"token": secret}).encode())
    assert outcome(way, came, {"secret": secret}) == "verified"
    found = outcome(way, post(json.dumps({"token": said}).encode()), {"secret": secret})
    assert found == ("verified" if said == secret else "wrong_signature" if said else "unsigned")


@pytest.mark.parametrize("token", [None, 7, True, [], ["x"], {"a": 1}])
def test_what_is_no_text_is_no_token(token):
    import json

    way = {"format": "token", "config": {"token": "body.token", "key": "{{secret}}"}}
    assert outcome(way, post(json.dumps({"token": token}).encode()), {"secret": "x"}) == "unsigned"


NAMES = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters=":"), min_size=1, max_size=20).filter(
    str.strip
)


@given(name=NAMES, word=st.text(min_size=1, max_size=20).filter(str.strip), other=st.text(max_size=20))
def test_a_user_name_and_a_password_are_both_needed(name, word, other):
    way = {"format": "basic", "config": {"username": "{{user}}", "password": "{{password}}"}}
    kept = {"user": name, "password": word}

    def came(user, password):
        return post(b"{}", {"authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()})

    assert outcome(way, came(name, word), kept) == "verified"
    if other != word:
        assert outcome(way, came(name, other), kept) == "wrong_signature"
    if other != name:
        assert outcome(way, came(other, word), kept) in ("wrong_signature", "unsigned")
    assert outcome(way, came(name, word), {"user": name}) == "credential"
    assert outcome(way, came(name, ""), {"user": name, "password": ""}) == "credential"


# --- several ways, and several items ---


def test_one_way_of_several_is_enough_and_one_without_a_secret_is_left_out():
    ways = [hmac_way(key="{{first}}"), hmac_way(key="{{second}}")]
    way = {"format": "any", "config": {"of": ways}}
    assert outcome(way, signed(b"{}", secret="b"), {"first": "a", "second": "b"}) == "verified"
    assert outcome(way, signed(b"{}", secret="b"), {"second": "b"}) == "verified"
    assert outcome(way, signed(b"{}", secret="b"), {"first": "b"}) == "verified"
    assert outcome(way, signed(b"{}", secret="c"), {"second": "b"}) == "wrong_signature"
    assert outcome(way, signed(b"{}", secret="b"), {}) == "credential"


def test_all_ways_are_needed():
    ways = [hmac_way(), {"format": "token", "config": {"token": "headers.token", "key": "{{token}}"}}]
    way, kept = {"format": "all", "config": {"of": ways}}, {"secret": SECRET, "token": "t"}
    assert outcome(way, signed(b"{}", token="t"), kept) == "verified"
    assert outcome(way, signed(b"{}", token="x"), kept) == "wrong_signature"
    assert outcome(way, signed(b"{}"), kept) == "unsigned"
    assert outcome(way, signed(b"{}", token="t"), {"secret": SECRET}) == "credential"


def test_an_item_of_one_way_is_none_of_the_next():
    failing = {"format": "token", "config": {"each": "body.items", "token": "item.token", "key": "{{secret}}"}}
    next_one = {"format": "token", "config": {"token": "item.other", "key": "{{secret}}"}}
    way = {"format": "any", "config": {"of": [failing, next_one]}}
    came = post(b'{"items": [{"token": "wrong", "other": "right"}]}')
    assert outcome(way, came, {"secret": "right"}) != "verified"


@given(tokens=st.lists(st.sampled_from(["right", "wrong", None]), max_size=5))
def test_every_item_must_be_verified_and_there_must_be_one(tokens):
    import json

    way = {"format": "token", "config": {"each": "body.items", "token": "item.token", "key": "{{secret}}"}}
    came = post(json.dumps({"items": [{"token": token} for token in tokens]}).encode())
    assert (outcome(way, came, {"secret": "right"}) == "verified") is (bool(tokens) and set(tokens) == {"right"})
