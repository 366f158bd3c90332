"""Entries whose credential is a key: API_KEY, BASIC, signed JWTs, apps and their installations, signatures."""

import re
from collections.abc import Mapping
from typing import Any

from conn_import.nango.making import Making, read_credentials
from conn_import.nango.names import bare
from conn_import.nango.oauth import consented
from conn_import.nango.templates import names_in
from conn_import.words import plain

__all__ = ["api_key", "app", "aws", "basic", "custom", "jwt", "nothing", "plugin", "token_based", "wsse"]

_TOKEN = "oauth.token.access_token"  # noqa: S105
_ALGORITHMS = re.compile(r"(?:RS|PS|ES|HS)(?:256|384|512)|EdDSA")
_APP_SECONDS = 600


def nothing(making: Making) -> None:
    """NONE."""
    read_credentials(making, {})
    making.credentials = making.kind("none", {})


def api_key(making: Making) -> None:
    """API_KEY."""
    rows = read_credentials(making, {"apiKey": "api_key"})
    config = {"label": _title(rows, "apiKey", "API key"), "required": False if _optional(rows, "apiKey") else None}
    making.credentials = making.kind("api_key", config)


def basic(making: Making) -> dict[str, Any]:
    """BASIC; returns how requests carry it. A password that nobody is asked for is empty."""
    rows = read_credentials(making, {"username": "username", "password": "password"})
    password = rows.get("password", {})
    lacks = any(password.get(key) in (True, "true") for key in ("hidden", "optional")) or "default_value" in password
    config: dict[str, Any] = {
        "username_label": _title(rows, "username", "User name"),
        "password_label": _title(rows, "password", "Password"),
    }
    if lacks:
        config["password_required"] = False
    if _optional(rows, "username"):
        config["username_required"] = False
    making.credentials = making.kind("basic", config)
    return {"format": "basic"}


def _optional(rows: Mapping[str, Mapping[str, Any]], name: str) -> bool:
    return rows.get(name, {}).get("optional") in (True, "true")


def _title(rows: Mapping[str, Mapping[str, Any]], name: str, usual: str) -> str | None:
    title = plain(rows.get(name, {}).get("title") or "", 80)
    return title if title and title != usual else None


def wsse(making: Making) -> None:
    """SIGNATURE by WSSE: a digest of time, chance and password, afresh for each request."""
    entry = making.entry
    read_credentials(making, {"username": "username", "password": "password"})
    protocol = entry.text("signature", "protocol")
    entry.take("token", "expires_in_ms")  # nothing is kept that could end
    making.credentials = making.kind("basic", {})
    header = next((n for n, v in entry.object("proxy", "headers").items() if "accessToken" in str(v)), None)
    if protocol != "WSSE":
        making.losses.add(f"the signature {plain(protocol, 40)}: set `signature` by hand")
        return
    told = str(entry.peek("proxy", "headers", header)) if header is not None else "${accessToken}"
    making.said.add(str(header))
    header_value = (
        'UsernameToken Username="{{username}}", PasswordDigest="{{$base64encode(signature)}}", Nonce="{{nonce}}", '
        'Created="{{date}}"'
    )
    value = re.sub(r"\$\{accessToken\}", lambda _: header_value, told)
    making.signature = {
        "format": "hmac",
        "config": {
            "content": "nonce & date & password",
            "algorithm": "sha1",
            "key": "",
            "headers": {header or "X-WSSE": value},
        },
    }


def jwt(making: Making) -> None:
    """JWT: a signed token that is the access token itself."""
    read_credentials(making, {})
    making.names.token = _TOKEN
    making.credentials = making.kind("jwt_bearer", {"ask": [], "assertion": _assertion(making)})


def _assertion(making: Making) -> dict[str, Any]:
    entry = making.entry
    protocol = entry.text("signature", "protocol")
    header = entry.object("token", "header")
    algorithm = str(header.pop("alg", "") or {"RSA": "RS256", "EC": "ES256", "HMAC": "HS256"}.get(protocol, "RS256"))
    if not _ALGORITHMS.fullmatch(algorithm):
        making.losses.add(f"the algorithm {plain(algorithm, 20)}: RS256 is said instead")
        algorithm = "RS256"
    made: dict[str, Any] = {"algorithm": algorithm}
    key = making.filled(entry.text("token", "signing_key"), "token.signing_key", bars=False)
    if key is not None:
        made["key"] = key
    encoding = entry.text("signature", "hmac_secret_encoding") or "hex"
    if algorithm.startswith("HS"):
        if encoding not in ("utf8", "hex", "base64"):
            making.losses.add(f"hmac_secret_encoding {plain(encoding, 20)}")
        if encoding in ("hex", "base64"):
            made["key_encoding"] = encoding
    if header.get("typ") == "JWT":
        del header["typ"]
    if "kid" in header:
        made["key_id"] = making.filled(str(header.pop("kid")), "token.header.kid")
    if header:
        made["headers"] = making.deep(header, "token.header")
    claims = {name: _claim(making, name, value) for name, value in entry.object("token", "payload").items()}
    if claims:
        made["claims"] = claims
    lifetime = entry.take("token", "expires_in_ms")
    if isinstance(lifetime, int | float) and lifetime >= 1000:
        made["lifetime_seconds"] = int(lifetime // 1000)
    made["unique"] = False
    return {name: value for name, value in made.items() if value is not None}


def _claim(making: Making, name: str, value: Any) -> Any:
    """A claim; a list of one optional value is left out whole when that is missing."""
    if isinstance(value, list) and len(value) == 1 and isinstance(value[0], str):
        optional = [one for one in names_in(value[0]) if bare(one) in making.names.optional]
        if optional:
            made = making.names.meaning(optional[0])
            if value[0] == f"${{{optional[0]}}}":
                return f"{{{{{made} ? [{made}] : null}}}}"
    return making.deep(value, f"token.payload.{name}")


def app(making: Making) -> None:
    """APP: an app's key signs for the token of one installation."""
    making.names.token = _TOKEN
    read_credentials(making, {})
    url = making.entry.take("token_url")
    making.credentials = making.kind(
        "jwt_bearer", _installation(making, url.get("APP") if isinstance(url, Mapping) else url)
    )
    _installing(making)


def _installation(making: Making, url: Any) -> dict[str, Any]:
    return {
        "ask": [],
        "assertion": {
            "key": making.environment("PRIVATE_KEY"),
            "claims": {"iss": making.environment("APP_ID")},
            "lifetime_seconds": _APP_SECONDS - 60,
            "backdate_seconds": 60,
            "unique": False,
        },
        "request": {
            "url": making.needed_url(url if isinstance(url, str) else "", "token_url"),
            "headers": {"authorization": "Bearer {{assertion}}"},
            "response": "response.token",
            "expires": "response.expires_at",
            "expires_unit": "iso8601",
        },
    }


def _installing(making: Making) -> None:
    page = making.entry.text("authorization_url")
    making.entry.take("authorization_url_skip_encode")
    if page:
        making.losses.add(
            "installing the app: a person does it on the vendor's page, and its id goes into the account's context",
            plain(page, 120),
        )


def custom(making: Making) -> None:
    """CUSTOM: a person's consent and the installation of an app, to be chosen between by `context.login`."""
    urls = making.entry.peek("token_url")
    making.entry.take("token_url", "APP")
    installation = _installation(making, urls.get("APP") if isinstance(urls, Mapping) else urls)
    consented(making)
    person = making.credentials
    page = making.entry.peek("authorization_url")
    making.losses.add(
        "that one log-in brings both tokens: an account says under context.login which it has, app or person",
        plain(page or "", 120),
    )
    making.credentials = {
        "format": "choice",
        "config": {
            "by": "context.login",
            "options": {"app": {"format": "jwt_bearer", "config": installation}, "person": person},
        },
    }
    making.fields.append({"name": "login", "label": "Log-in", "required": False, "options": ["app", "person"]})


def plugin(making: Making) -> dict[str, Any] | None:
    """INSTALL_PLUGIN: the plugin's own key, once a person has installed it."""
    kind = making.entry.text("auth_type") or "BASIC"
    read_credentials(making, {"username": "username", "password": "password"})
    for name in making.entry.texts("redirect_uri_metadata"):
        called = making.names.add_context(name)
        if all(row["name"] != called for row in making.fields):
            making.fields.append({"name": called, "description": "The vendor says it when the plugin is installed"})
    making.losses.add("installing the plugin: a person does it at the vendor")
    if kind != "BASIC":
        making.losses.add(f"auth_type {plain(kind, 40)}: set `credentials` and `authorization` by hand")
        return None
    making.credentials = making.kind(
        "basic", {"username_label": "Identifier of the plugin", "password_label": "Key of the plugin"}
    )
    return {"format": "basic"}


def token_based(making: Making) -> None:
    """TBA: four parts that an account has, and a signature with the account's number as its realm."""
    read_credentials(making, {})
    making.credentials = making.kind("oauth1", {})
    called = making.names.add_context("accountId")
    if all(row["name"] != called for row in making.fields):
        making.fields.append({"name": called, "label": "Account ID", "description": "The number of the account"})
    making.names.defaults.pop("accountId", None)
    realm = f"{{{{$uppercase($replace(context.{called}, '-', '_', 1))}}}}"
    making.signature = {"format": "oauth1", "config": {"algorithm": "HMAC-SHA256", "realm": realm}}


def aws(making: Making) -> None:
    """AWS_SIGV4: the keys of a role. Assuming the role, with keys of its own, is the platform's that has the entry."""
    names, entry = making.names, making.entry
    theirs = [*entry.object("integration_config"), *entry.object("credentials")]
    used = {"service", "region"}
    read_credentials(making, {})
    making.ask = []
    making.fields = [row for row in making.fields if row["name"] in used]
    for name in used & set(names.context):
        names.optional.discard(name)
    for name in theirs:
        if name not in used:
            making.losses.add("assuming the role: the account gives temporary keys of it", plain(name, 40))
            names.context.pop(name, None)
            names.secrets.pop(name, None)
    for name, label, secret in (
        ("access_key_id", "Access key ID", False),
        ("secret_access_key", "Secret access key", True),
        ("session_token", "Session token", True),
    ):
        row: dict[str, Any] = {"name": names.add_secret(name), "label": label}
        making.ask.append(row if secret else {**row, "secret": False})
    making.credentials = making.kind("none", {})
    making.signature = {
        "format": "aws_sigv4",
        "config": {
            "service": f"{{{{context.{names.add_context('service')}}}}}",
            "region": f"{{{{context.{names.add_context('region')}}}}}",
            "session_token": "{{session_token}}",
        },
    }
