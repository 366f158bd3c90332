"""What must arrive for an entry with known values, worked out from the entry alone; and what its vendor answers."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, quote

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from vendor import Arrived

from providers.connection import Made, keys
from providers.corpus import mode
from providers.templates import Unknown, deep, evaluated

__all__ = ["TOKEN", "Want", "api_request", "path_of", "prepare", "token_requests", "verification"]

TOKEN = "token-1"


@dataclass(slots=True)
class Want:
    """A request as it must arrive. `checks` look at what cannot be known before: signatures, digests."""

    method: str
    path: str
    headers: dict[str, str] = field(default_factory=dict)
    query: dict[str, str] = field(default_factory=dict)
    data: Any = None
    checks: list[Callable[[Arrived], None]] = field(default_factory=list)

    def compare(self, arrived: Arrived) -> None:
        """Assert that this is what arrived; further headers may have come too, query and body are whole."""
        assert (arrived.method, arrived.path) == (self.method.upper(), self.path)
        assert arrived.query == self.query
        assert arrived.data == self.data
        found = {name: value for name, value in arrived.headers.items() if name in self.headers}
        assert found == self.headers
        for check in self.checks:
            check(arrived)


def prepare(made: Made) -> None:
    """Teach the stand-in the answers of the entry's token endpoint."""
    entry, origin = made.entry, made.vendor.url
    metadata = {name: f"{origin}/{name}.example" for name in entry.get("token_response_metadata") or []}
    made.values.config |= metadata
    made.values.further |= {"accessToken": TOKEN, "step1": {"access_token": "first-1", **metadata}}
    token: Any = {"access_token": TOKEN, "expires_in": 3600, **metadata}
    kind = mode(entry)
    if kind == "TWO_STEP":
        token = _two_step_answer(entry["token_response"], metadata)
    elif kind == "BILL":
        token = {"sessionId": TOKEN, "organizationId": "1", "userId": "2"}
    elif kind in ("APP", "CUSTOM"):
        token = {"token": TOKEN, "expires_at": "2099-01-01T00:00:00Z"}
    if path := entry.get("alternate_access_token_response_path"):
        token = {path: token}
    if kind == "OAUTH1":
        made.vendor.routes[path_of(made, entry["request_url"])] = {
            "oauth_token": "request-1", "oauth_token_secret": "request-secret", "oauth_callback_confirmed": "true",
        }  # fmt: skip
        token = {"oauth_token": "access-1", "oauth_token_secret": "access-secret"}
    for url in _token_urls(entry):
        made.vendor.routes[path_of(made, url)] = token
    if kind == "CUSTOM":
        made.vendor.routes[path_of(made, entry["token_url"]["OAUTH2"])] = {"access_token": TOKEN}
    if entry.get("additional_steps"):
        made.vendor.routes[path_of(made, entry["token_url"])] = made.values.further["step1"]


def _two_step_answer(told: Mapping[str, Any], metadata: Mapping[str, str]) -> Any:
    if not told["token"]:
        return TOKEN
    answer: dict[str, Any] = dict(metadata)
    end = "2099-01-01T00:00:00Z" if told.get("token_expiration_strategy") == "expireAt" else 3600
    for name, value in (("token", TOKEN), ("token_expiration", end), ("refresh_token", "refresh-1")):
        if told.get(name):
            *parents, last = told[name].split(".")
            node = answer
            for parent in parents:
                node = node.setdefault(parent, {})
            node[last] = value
    return answer


def _token_urls(entry: Mapping[str, Any]) -> list[str]:
    told = entry.get("token_url")
    found = list(told.values()) if isinstance(told, dict) else [told]
    found += [step["token_url"] for step in entry.get("additional_steps") or []]
    return [url for url in (*found, entry.get("refresh_url")) if url]


def path_of(made: Made, url: str) -> str:
    """Where a URL of the entry arrives: its host is the first part of the path."""
    whole = evaluated(url.partition("?")[0], made.values).removeprefix(made.vendor.url + "/")
    return "/" + whole.removeprefix("https://").removeprefix(made.vendor.url + "/")


def _base(made: Made) -> str:
    told = (made.entry.get("proxy") or {}).get("base_url")
    if not told:  # the importer's own choice, which `facts` holds against the entry
        return "/" + made.data["base_url"].removeprefix("https://")
    return path_of(made, told).rstrip("/")


# --- requests to the API ---


def api_request(made: Made, method: str, path: str) -> Want:
    """A request to the API with what every request carries."""
    entry = made.entry
    want = Want(method, _base(made) + path)
    told = (entry.get("proxy") or {}).get("headers") or {}
    own = {name.lower(): str(text) for name, text in told.items()}
    usual = _usual(made)
    if usual is not None and "authorization" not in own and not any("${accessToken}" in text for text in own.values()):
        want.headers["authorization"] = usual
    for name, text in own.items():
        if mode(entry) == "SIGNATURE" and "accessToken" in text:
            continue
        if any(mark in text for mark in ("${random}", "${now", "${endpoint}")):
            want.checks.append(lambda arrived, name=name, text=text: _of_the_moment(made, arrived, name, text))  # type: ignore[misc]
            continue
        try:
            want.headers[name] = evaluated(text, made.values)
        except Unknown:
            continue
    if check := CHECKS.get(mode(entry)):
        want.checks.append(lambda arrived: check(made, arrived))
    if mode(entry) == "BILL":
        want.headers |= {"sessionid": TOKEN, "devkey": made.values.credentials["devKey"]}
    if mode(entry) == "JWT":
        _by_jwt(want, own)
    return want


def _by_jwt(want: Want, own: Mapping[str, str]) -> None:
    """The token is made by the connector: what stands before it is known, it is checked by itself."""
    before = own.get("authorization", "Bearer ${accessToken}").partition("${")[0]

    def check(arrived: Arrived) -> None:
        assert arrived.headers["authorization"].startswith(before)

    want.headers.pop("authorization", None)
    want.checks.append(check)


def _usual(made: Made) -> str | None:
    """What the modes send by themselves."""
    kind = mode(made.entry)
    if kind in ("BASIC", "INSTALL_PLUGIN"):
        name, password = (made.values.credentials.get(part, "") for part in ("username", "password"))
        return "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()
    return f"Bearer {TOKEN}" if kind in ("OAUTH2", "OAUTH2_CC", "MCP_OAUTH2", "TWO_STEP", "APP", "CUSTOM") else None


def _of_the_moment(made: Made, arrived: Arrived, name: str, text: str) -> None:
    """A header of time and chance: all of one request agree."""
    further = dict(made.values.further)
    for other, said in (*_moments(made.entry.get("token_headers")), *_moments(made.entry["proxy"].get("headers"))):
        further[said] = arrived.headers[other]
    made.values.further |= {**further, "endpoint": arrived.path}
    assert arrived.headers[name] == evaluated(text, made.values)
    assert len(arrived.headers[name]) > 8


def _moments(headers: Mapping[str, str] | None) -> Iterator[tuple[str, str]]:
    for name, text in (headers or {}).items():
        if text == "${random}" or (text.startswith("${now") and text.count("${") == 1):
            yield name.lower(), text[2:-1]


def _signed_jwt(made: Made, arrived: Arrived) -> None:
    token = arrived.headers["authorization"].rpartition(" ")[2]
    first, second, third = token.split(".")
    header, claims = (json.loads(base64.urlsafe_b64decode(part + "==")) for part in (first, second))
    told = made.entry["token"]
    want = deep(told["payload"], made.values)
    assert {name: value for name, value in claims.items() if name not in ("iat", "exp")} == want
    assert claims["exp"] - claims["iat"] == told["expires_in_ms"] // 1000
    assert header == {"typ": "JWT", **deep(told["header"], made.values)}
    content, signature = f"{first}.{second}".encode(), base64.urlsafe_b64decode(third + "==")
    key = evaluated(told["signing_key"], made.values)
    if header["alg"] == "HS256":
        utf8 = made.entry["signature"].get("hmac_secret_encoding") == "utf8"
        assert signature == hmac.digest(key.encode() if utf8 else bytes.fromhex(key), content, "sha256")
        return
    public = load_pem_private_key(key.encode(), None).public_key()
    if isinstance(public, rsa.RSAPublicKey):
        public.verify(signature, content, padding.PKCS1v15(), hashes.SHA256())
    else:
        assert isinstance(public, ec.EllipticCurvePublicKey)
        pair = (int.from_bytes(part, "big") for part in (signature[:32], signature[32:]))
        public.verify(utils.encode_dss_signature(*pair), content, ec.ECDSA(hashes.SHA256()))


def _wsse(made: Made, arrived: Arrived) -> None:
    parts = dict(part.split("=", 1) for part in arrived.headers["x-wsse"].removeprefix("UsernameToken ").split(", "))
    said = {name: value.strip('"') for name, value in parts.items()}
    content = said["Nonce"] + said["Created"] + made.values.credentials["password"]
    digest = hashlib.sha1(content.encode(), usedforsecurity=False).hexdigest()
    assert said["Username"] == made.values.credentials["username"]
    assert said["PasswordDigest"] == base64.b64encode(digest.encode()).decode()


def _oauth1(made: Made, arrived: Arrived) -> None:
    """The signature of RFC 5849, made again."""
    said = dict(
        part.strip().split("=", 1) for part in arrived.headers["authorization"].removeprefix("OAuth ").split(",")
    )
    pairs = {name: quoted.strip('"') for name, quoted in said.items()}
    given = pairs.pop("oauth_signature")
    realm = pairs.pop("realm", None)
    assert realm == ("12_AB" if mode(made.entry) == "TBA" else None)
    secrets = made.vault.load("acme") or {}
    consumer = secrets.get("consumer_secret") or next(v for n, v in made.environ.items() if n.endswith("SECRET"))
    key = f"{quote(consumer, safe='-._~')}&{quote(secrets['token_secret'], safe='-._~')}"
    method = pairs["oauth_signature_method"]
    assert method == ("HMAC-SHA256" if mode(made.entry) == "TBA" else made.entry["signature_method"])
    if method == "PLAINTEXT":
        assert given == quote(key, safe="-._~")
        return
    joined = "&".join(f"{name}={value}" for name, value in sorted(pairs.items()))
    url = quote(made.vendor.url + arrived.path, safe="-._~")
    content = f"{arrived.method}&{url}&{quote(joined, safe='-._~')}"
    digest = hmac.digest(key.encode(), content.encode(), method.partition("-")[2].lower())
    assert given == quote(base64.b64encode(digest).decode(), safe="-._~")


def _aws(made: Made, arrived: Arrived) -> None:
    value = arrived.headers["authorization"]
    config = made.values.config
    assert value.startswith("AWS4-HMAC-SHA256 Credential=stored-access_key_id/")
    assert f"/{config['region']}/{config['service']}/aws4_request" in value
    assert arrived.headers["x-amz-security-token"] == "stored-session_token"


CHECKS: dict[str, Callable[[Made, Arrived], None]] = {
    "AWS_SIGV4": _aws, "JWT": _signed_jwt, "OAUTH1": _oauth1, "SIGNATURE": _wsse, "TBA": _oauth1,
}  # fmt: skip


def verification(made: Made) -> Want:
    """The first call of `proxy.verification`."""
    told = made.entry["proxy"]["verification"]
    place, _, query = evaluated(told["endpoints"][0], made.values).partition("?")
    want = api_request(made, told.get("method", "GET"), place)
    want.query = dict(parse_qsl(query))
    want.headers |= {name.lower(): evaluated(str(text), made.values) for name, text in told.get("headers", {}).items()}
    want.data = deep(told.get("data"), made.values)
    return want


# --- requests for a token ---


def token_requests(made: Made) -> list[Want]:
    """The requests that bring a token before the first request to the API, of the kinds that need nobody's consent."""
    entry, values = made.entry, made.values
    kind = mode(entry)
    if kind == "TWO_STEP":
        steps = [entry, *(entry.get("additional_steps") or [])]
        return [_step(made, step, entry if number == 0 else step) for number, step in enumerate(steps)]
    if kind == "BILL":
        names = ("username", "password", "organizationId", "devKey")
        return [
            Want("post", path_of(made, entry["token_url"]), data={name: values.credentials[name] for name in names})
        ]
    if kind in ("APP", "CUSTOM"):
        url = entry["token_url"]["APP"] if kind == "CUSTOM" else entry["token_url"]
        return [Want("post", path_of(made, url), checks=[lambda arrived: _app_jwt(made, arrived)])]
    if kind != "OAUTH2_CC":
        return []
    data = deep(entry.get("token_params") or {}, values)
    want = Want("post", path_of(made, entry["token_url"]), data=data)
    name, secret = values.credentials["client_id"], values.credentials["client_secret"]
    if entry.get("token_request_auth_method") == "basic":
        want.headers["authorization"] = "Basic " + base64.b64encode(f"{name}:{secret}".encode()).decode()
    else:
        want.data = {**data, "client_id": name, "client_secret": secret}
    want.headers["content-type"] = _content_type(entry.get("body_format", "form"))
    return [want]


def _content_type(body_format: str) -> str:
    return "application/json" if body_format == "json" else "application/x-www-form-urlencoded"


def _step(made: Made, step: Mapping[str, Any], told: Mapping[str, Any]) -> Want:
    place, _, query = step["token_url"].partition("?")
    want = Want(told.get("token_request_method", "POST"), path_of(made, place))
    want.query = {n: evaluated(v, made.values) for n, v in (p.split("=", 1) for p in query.split("&") if p)}
    for name, text in (step.get("token_headers") or {}).items():
        if any(mark in text for mark in ("${random}", "${now")):
            lower = name.lower()
            want.checks.append(lambda arrived, name=lower, text=text: _of_the_moment(made, arrived, name, text))  # type: ignore[misc]
        elif name.lower() != "content-type" or step.get("token_params"):
            want.headers[name.lower()] = evaluated(text, made.values)
    if step.get("token_params") is not None:
        want.data = deep(step["token_params"], made.values)
        want.headers.setdefault("content-type", _content_type(step.get("body_format", "json")))
    return want


def _app_jwt(made: Made, arrived: Arrived) -> None:
    token = arrived.headers["authorization"].removeprefix("Bearer ")
    first, second, third = token.split(".")
    claims = json.loads(base64.urlsafe_b64decode(second + "=="))
    assert claims["iss"] == next(value for name, value in made.environ.items() if name.endswith("_APP_ID"))
    public = load_pem_private_key(keys()["RSA"].encode(), None).public_key()
    assert isinstance(public, rsa.RSAPublicKey)
    signature = base64.urlsafe_b64decode(third + "==")
    public.verify(signature, f"{first}.{second}".encode(), padding.PKCS1v15(), hashes.SHA256())
