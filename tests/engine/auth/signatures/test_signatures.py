"""Signatures against the values that their specifications and inventors publish."""

import base64
import hashlib
import hmac
import re
from datetime import UTC, datetime
from typing import Any

import pytest
from evaluating import usual

from conn_engine.auth.signatures import AwsSigV4, HmacSignature, NoSignature, OAuth1, Signature, SigningContext
from conn_engine.auth.signing.oauth1 import base_string
from conn_engine.conditions import Chance
from conn_engine.config.convert import convert
from conn_engine.errors import ConfigurationError, CredentialError
from conn_engine.wire import Headers, Request

MOMENT = SigningContext(1_760_000_000.25, "0123456789abcdef0123456789abcdef")
FORM = "application/x-www-form-urlencoded"


def at(text: str, nonce: str = "n") -> SigningContext:
    return SigningContext(datetime.strptime(text, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp(), nonce)


class TestAwsSigV4:
    """The values of AWS's published test suite and of its documentation."""

    KEYS = {"access_key_id": "AKIDEXAMPLE", "secret_access_key": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"}  # noqa: RUF012
    SUITE = AwsSigV4(service="service", region="us-east-1")

    def signature(
        self, told: AwsSigV4, request: Request, keys: dict[str, Any], moment: SigningContext
    ) -> tuple[str, str]:
        signed = told.sign(request, usual(keys), moment)
        assert signed.authorized
        found = re.search(r"SignedHeaders=([^,]+), Signature=([0-9a-f]{64})$", signed.headers["authorization"])
        assert found
        return found[1], found[2]

    @pytest.mark.parametrize(
        ("request_", "signature"),
        [
            (
                Request("GET", "https://example.amazonaws.com/"),
                "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
            ),
            (
                Request("GET", "https://example.amazonaws.com/?Param2=value2&Param1=value1"),
                "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
            ),
            (
                Request("POST", "https://example.amazonaws.com/"),
                "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
            ),
            (
                Request("POST", "https://example.amazonaws.com/", Headers({"Content-Type": FORM}), b"Param1=value1"),
                "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
            ),
        ],
    )
    def test_the_suite(self, request_: Request, signature: str) -> None:
        assert self.signature(self.SUITE, request_, self.KEYS, at("20150830T123600Z"))[1] == signature

    def test_the_documented_listing_of_users(self) -> None:
        request = Request(
            "GET",
            "https://iam.amazonaws.com/?Action=ListUsers&Version=2010-05-08",
            Headers({"Content-Type": f"{FORM}; charset=utf-8"}),
        )
        told = AwsSigV4(service="iam", region="{{context.region}}")
        names = {**self.KEYS, "context": {"region": "us-east-1"}}
        assert self.signature(told, request, names, at("20150830T123600Z")) == (
            "content-type;host;x-amz-date",
            "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7",
        )

    def test_the_documented_download_of_a_part(self) -> None:
        request = Request("GET", "https://examplebucket.s3.amazonaws.com/test.txt", Headers({"Range": "bytes=0-9"}))
        keys = {
            "access_key_id": "AKIAIOSFODNN7EXAMPLE",
            "secret_access_key": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        }
        told = AwsSigV4(service="s3", region="us-east-1")
        assert self.signature(told, request, keys, at("20130524T000000Z")) == (
            "host;range;x-amz-content-sha256;x-amz-date",
            "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
        )

    @pytest.mark.parametrize(
        ("service", "method", "url", "body", "signature"),
        [
            (
                "execute-api",
                "GET",
                "https://x.example.com/a/b%20c/%E2%82%AC?b=2&a=1%2F2&a=1&e=",
                b"",
                "1ce1d84942724552ce366a1f07e5bfac5142fe8453506392602ac2d15467273f",
            ),
            (
                "execute-api",
                "POST",
                "https://x.example.com/p/a%2Fb?x=%5B1%5D",
                b'{"n":1}',
                "291267b89a0e095377bb78e234a0456c7c149b1a88c0b7772e2d407e9fde7de2",
            ),
            (
                "s3",
                "PUT",
                "https://b.example.com/k/a%20b%2Bc~d%28e%29?list-type=2&prefix=a%2Fb",
                b"data",
                "4a31057dd3caad8c7eda7cafd9514763bba429e69022f66e64bc89adad590ff9",
            ),
            (
                "dynamodb",
                "POST",
                "https://x.example.com:8443/",
                b"{}",
                "f38cd2c23a9129d255e28df862b0769c1a20e6f90362d412395fd9e925c00b56",
            ),
        ],
    )
    def test_what_botocore_1_44_8_signs(self, service: str, method: str, url: str, body: bytes, signature: str) -> None:
        request = Request(method, url, Headers({"Content-Type": "application/json"}), body or None)
        keys = {"access_key_id": "AKID", "secret_access_key": "SECRET"}
        told = AwsSigV4(service=service, region="eu-west-1")
        assert self.signature(told, request, keys, at("20150830T123600Z"))[1] == signature

    def test_temporary_credentials_and_a_missing_key(self) -> None:
        told = AwsSigV4(service="s3", region="r", session_token="{{session_token}}")
        signed = told.sign(Request("GET", "https://b.example.com/"), usual(self.KEYS, session_token="st"), MOMENT)
        assert signed.headers["x-amz-security-token"] == "st"
        assert "x-amz-security-token" in signed.headers["authorization"]
        with pytest.raises(CredentialError, match="secret_access_key"):
            told.sign(Request("GET", "https://b.example.com/"), usual({"session_token": "st"}), MOMENT)


class TestOAuth1:
    def test_the_photo_of_rfc_5849(self) -> None:
        told = OAuth1(version=False, realm="Photos")
        names = {
            "consumer_key": "dpf43f3p2l4k3l03",
            "consumer_secret": "kd94hf93k423kf44",
            "token": "nnch734d00sl2jdk",
            "token_secret": "pfkkdhi9sl3r4s00",
        }
        request = Request("GET", "http://photos.example.net/photos?file=vacation.jpg&size=original")
        header = told.sign(request, usual(names), SigningContext(137131202, "chapoH")).headers["authorization"]
        assert header.startswith('OAuth realm="Photos", oauth_consumer_key="dpf43f3p2l4k3l03"')
        assert 'oauth_signature="MdpQcU8iPSUjWoN%2FUDMsK2sui9I%3D"' in header

    def test_the_base_string_of_rfc_5849(self) -> None:
        request = Request(
            "POST",
            "http://EXAMPLE.COM:80/request?b5=%3D%253D&a3=a&c%40=&a2=r%20b",
            Headers({"Content-Type": FORM}),
            b"c2&a3=2+q",
        )
        said = {
            "oauth_consumer_key": "9djdj82h48djs9d2",
            "oauth_token": "kkk9d7dh3k39sjv7",
            "oauth_signature_method": "HMAC-SHA1",
            "oauth_timestamp": "137131201",
            "oauth_nonce": "7d8f3e4a",
        }
        assert base_string(request, said) == (
            "POST&http%3A%2F%2Fexample.com%2Frequest&a2%3Dr%2520b%26a3%3D2%2520q%26a3%3Da%26b5%3D%253D%25253D%26c%2540"
            "%3D%26c2%3D%26oauth_consumer_key%3D9djdj82h48djs9d2%26oauth_nonce%3D7d8f3e4a%26oauth_signature_method%3DH"
            "MAC-SHA1%26oauth_timestamp%3D137131201%26oauth_token%3Dkkk9d7dh3k39sjv7"
        )

    def test_sha256_without_a_token_and_plain_text(self) -> None:
        names = {"consumer_key": "k", "consumer_secret": "s&"}
        request = Request("GET", "https://api.example.com:8443/x")
        told = OAuth1(algorithm="HMAC-SHA256", token="", token_secret="")
        header = told.sign(request, usual(names), MOMENT).headers["authorization"]
        said = dict(re.findall(r'(oauth_\w+)="([^"]*)"', header))
        assert "oauth_token" not in said and said["oauth_timestamp"] == "1760000000"
        content = base_string(request, {name: text for name, text in said.items() if name != "oauth_signature"})
        assert "https%3A%2F%2Fapi.example.com%3A8443%2Fx" in content
        expected = base64.b64encode(hmac.digest(b"s%26&", content.encode(), "sha256")).decode()
        assert said["oauth_signature"] == expected.replace("+", "%2B").replace("/", "%2F").replace("=", "%3D")
        plain = OAuth1(algorithm="PLAINTEXT", token="", token_secret="").sign(request, usual(names), MOMENT)
        assert 'oauth_signature="s%2526%26"' in plain.headers["authorization"]


class TestHmac:
    REQUEST = Request("POST", "https://api.example.com/v1/a%20b?x=1", Headers({"Accept": "*/*"}), b'{"n":1}')

    def test_rfc_4231_by_hex_key(self) -> None:
        told = HmacSignature(
            content="'Hi There'", key="{{k}}", key_encoding="hex", headers={"X-Sign": "v1={{signature}}"}
        )
        signed = told.sign(self.REQUEST, usual({"k": "0b" * 20}), MOMENT)
        assert signed.headers["x-sign"] == "v1=b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
        assert (signed.body, signed.url, signed.authorized) == (self.REQUEST.body, self.REQUEST.url, True)

    def test_the_finished_request_and_the_moment(self) -> None:
        told = HmacSignature(
            content="request.method & '|' & request.target & '|' & request.body & '|' & $string(timestamp) & nonce",
            headers={"X-Sign": "{{signature}}", "X-Time": "{{timestamp}}", "X-Nonce": "{{nonce}}"},
            encoding="base64",
            algorithm="sha1",
        )
        signed = told.sign(self.REQUEST, usual({"api_key": "k"}), MOMENT)
        content = f'POST|/v1/a%20b?x=1|{{"n":1}}|1760000000{MOMENT.nonce}'
        assert signed.headers["x-sign"] == base64.b64encode(hmac.digest(b"k", content.encode(), "sha1")).decode()
        assert (signed.headers["x-time"], signed.headers["x-nonce"]) == ("1760000000", MOMENT.nonce)

    def test_a_body_that_is_no_text(self) -> None:
        request = Request("PUT", "https://api.example.com/", body=b"\xff\x00\xfe")
        signed = HmacSignature(content="request.body", headers={"X": "{{signature}}"}).sign(
            request, usual(api_key="k"), MOMENT
        )
        assert signed.headers["x"] == hmac.digest(b"k", b"\xff\x00\xfe", "sha256").hex()

    def test_in_the_query(self) -> None:
        told = HmacSignature(
            content="request.query", query={"sign": "{{signature}}"}, encoding="base64", algorithm="md5"
        )
        digest = base64.b64encode(hmac.digest(b"k", b"x=1", "md5")).decode()
        url = told.sign(self.REQUEST, usual({"api_key": "k"}), MOMENT).url
        assert url == self.REQUEST.url + "&sign=" + digest.replace("+", "%2B").replace("/", "%2F").replace("=", "%3D")

    def test_wsse_is_a_digest_without_a_key(self) -> None:
        data = {
            "format": "hmac",
            "config": {
                "content": "nonce & date & password",
                "algorithm": "sha1",
                "key": "",
                "encoding": "base64",
                "headers": {
                    "X-WSSE": 'UsernameToken Username="{{username}}", PasswordDigest="{{signature}}", '
                    'Nonce="{{$base64encode(nonce)}}", Created="{{date}}"'
                },
            },
        }
        told = convert(data, Signature)
        assert isinstance(told, HmacSignature)
        signed = told.sign(self.REQUEST, usual({"username": "ada", "password": "pw"}), MOMENT)
        digest = hashlib.sha1(f"{MOMENT.nonce}2025-10-09T08:53:20Zpw".encode()).digest()
        assert signed.headers["x-wsse"] == (
            f'UsernameToken Username="ada", PasswordDigest="{base64.b64encode(digest).decode()}", '
            f'Nonce="{base64.b64encode(MOMENT.nonce.encode()).decode()}", Created="2025-10-09T08:53:20Z"'
        )

    def test_what_cannot_be_signed(self) -> None:
        told = HmacSignature(content="request.nothing", headers={"X": "{{signature}}"})
        with pytest.raises(ConfigurationError, match="no text"):
            told.sign(self.REQUEST, usual({"api_key": "k"}), MOMENT)
        with pytest.raises(CredentialError, match="api_key"):
            HmacSignature(content="'a'", headers={"X": "{{signature}}"}).sign(self.REQUEST, usual(), MOMENT)
        with pytest.raises(CredentialError, match="not valid hex") as raised:
            HmacSignature(content="'a'", key_encoding="hex", headers={"X": "{{signature}}"}).sign(
                self.REQUEST, usual(api_key="s3cret"), MOMENT
            )
        assert "s3cret" not in raised.value.message
        with pytest.raises(ConfigurationError, match="headers"):
            convert({"format": "hmac", "config": {"content": "'a'"}}, Signature)


def test_none_changes_nothing() -> None:
    assert NoSignature().sign(TestHmac.REQUEST, {}, MOMENT) is TestHmac.REQUEST


def test_each_request_has_a_nonce_of_its_own() -> None:
    assert SigningContext.from_time(1.0, Chance()).nonce != SigningContext.from_time(1.0, Chance()).nonce
