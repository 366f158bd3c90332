"""Entries whose credential is a key: API_KEY, BASIC, signed JWTs, apps and their installations, signatures."""

import re
from collections.abc import Mapping
from typing import Any

from conn_import.nango.draft import ConnectorDraft, read_credentials
from conn_import.nango.names import strip_prefix
from conn_import.nango.oauth import read_oauth2
from conn_import.nango.templates import find_names
from conn_import.words import clean_text

__all__ = [
    "read_api_key",
    "read_app",
    "read_aws",
    "read_basic",
    "read_custom",
    "read_jwt",
    "read_none",
    "read_plugin",
    "read_token_based",
    "read_wsse",
]

_TOKEN = "oauth.token.access_token"  # noqa: S105
_ALGORITHMS = re.compile(r"(?:RS|PS|ES|HS)(?:256|384|512)|EdDSA")
_APP_SECONDS = 600


def read_none(draft: ConnectorDraft) -> None:
    """NONE."""
    read_credentials(draft, {})
    draft.credentials = draft.build_credentials("none", {})


def read_api_key(draft: ConnectorDraft) -> None:
    """API_KEY."""
    rows = read_credentials(draft, {"apiKey": "api_key"})
    config = {
        "label": _find_title(rows, "apiKey", "API key"),
        "required": False if _is_optional(rows, "apiKey") else None,
    }
    draft.credentials = draft.build_credentials("api_key", config)


def read_basic(draft: ConnectorDraft) -> dict[str, Any]:
    """BASIC. Returns how requests send it. A hidden password is empty."""
    rows = read_credentials(draft, {"username": "username", "password": "password"})
    password = rows.get("password", {})
    lacks = any(password.get(key) in (True, "true") for key in ("hidden", "optional")) or "default_value" in password
    config: dict[str, Any] = {
        "username_label": _find_title(rows, "username", "User name"),
        "password_label": _find_title(rows, "password", "Password"),
    }
    if lacks:
        config["password_required"] = False
    if _is_optional(rows, "username"):
        config["username_required"] = False
    draft.credentials = draft.build_credentials("basic", config)
    return {"format": "basic"}


def _is_optional(rows: Mapping[str, Mapping[str, Any]], name: str) -> bool:
    return rows.get(name, {}).get("optional") in (True, "true")


def _find_title(rows: Mapping[str, Mapping[str, Any]], name: str, usual: str) -> str | None:
    title = clean_text(rows.get(name, {}).get("title") or "", 80)
    return title if title and title != usual else None


def read_wsse(draft: ConnectorDraft) -> None:
    """SIGNATURE by WSSE: a digest of time, chance and password, afresh for each request."""
    entry = draft.entry
    read_credentials(draft, {"username": "username", "password": "password"})
    protocol = entry.take_text("signature", "protocol")
    entry.take("token", "expires_in_ms")  # nothing is stored that could expire
    draft.credentials = draft.build_credentials("basic", {})
    header = next((n for n, v in entry.take_object("proxy", "headers").items() if "accessToken" in str(v)), None)
    if protocol != "WSSE":
        draft.losses.add(f"the signature {clean_text(protocol, 40)}: set `signature` yourself")
        return
    header_template = str(entry.peek("proxy", "headers", header)) if header is not None else "${accessToken}"
    draft.signed_headers.add(str(header))
    header_value = (
        'UsernameToken Username="{{username}}", PasswordDigest="{{$base64encode(signature)}}", Nonce="{{nonce}}", '
        'Created="{{date}}"'
    )
    value = re.sub(r"\$\{accessToken\}", lambda _: header_value, header_template)
    draft.signature = {
        "format": "hmac",
        "config": {
            "content": "nonce & date & password",
            "algorithm": "sha1",
            "key": "",
            "headers": {header or "X-WSSE": value},
        },
    }


def read_jwt(draft: ConnectorDraft) -> None:
    """JWT: a signed token that is the access token itself."""
    read_credentials(draft, {})
    draft.names.token = _TOKEN
    draft.credentials = draft.build_credentials("jwt_bearer", {"ask": [], "assertion": _build_assertion(draft)})


def _build_assertion(draft: ConnectorDraft) -> dict[str, Any]:
    entry = draft.entry
    protocol = entry.take_text("signature", "protocol")
    header = entry.take_object("token", "header")
    algorithm = str(header.pop("alg", "") or {"RSA": "RS256", "EC": "ES256", "HMAC": "HS256"}.get(protocol, "RS256"))
    if not _ALGORITHMS.fullmatch(algorithm):
        draft.losses.add(f"the algorithm {clean_text(algorithm, 20)}: RS256 is set instead")
        algorithm = "RS256"
    row: dict[str, Any] = {"algorithm": algorithm}
    key = draft.fill(entry.take_text("token", "signing_key"), "token.signing_key", bars=False)
    if key is not None:
        row["key"] = key
    encoding = entry.take_text("signature", "hmac_secret_encoding") or "hex"
    if algorithm.startswith("HS"):
        if encoding not in ("utf8", "hex", "base64"):
            draft.losses.add(f"hmac_secret_encoding {clean_text(encoding, 20)}")
        if encoding in ("hex", "base64"):
            row["key_encoding"] = encoding
    if header.get("typ") == "JWT":
        del header["typ"]
    if "kid" in header:
        row["key_id"] = draft.fill(str(header.pop("kid")), "token.header.kid")
    if header:
        row["headers"] = draft.fill_deep(header, "token.header")
    claims = {name: _build_claim(draft, name, value) for name, value in entry.take_object("token", "payload").items()}
    if claims:
        row["claims"] = claims
    lifetime = entry.take("token", "expires_in_ms")
    if isinstance(lifetime, int | float) and lifetime >= 1000:
        row["lifetime_seconds"] = int(lifetime // 1000)
    row["unique"] = False
    return {name: value for name, value in row.items() if value is not None}


def _build_claim(draft: ConnectorDraft, name: str, value: Any) -> Any:
    """Build a claim. A list with one optional value is left out if the value is missing."""
    if isinstance(value, list) and len(value) == 1 and isinstance(value[0], str):
        optional = [one for one in find_names(value[0]) if strip_prefix(one) in draft.names.optional]
        if optional:
            made = draft.names.to_expression(optional[0])
            if value[0] == f"${{{optional[0]}}}":
                return f"{{{{{made} ? [{made}] : null}}}}"
    return draft.fill_deep(value, f"token.payload.{name}")


def read_app(draft: ConnectorDraft) -> None:
    """APP: an app's key signs for the token of one installation."""
    draft.names.token = _TOKEN
    read_credentials(draft, {})
    url = draft.entry.take("token_url")
    draft.credentials = draft.build_credentials(
        "jwt_bearer", _build_installation(draft, url.get("APP") if isinstance(url, Mapping) else url)
    )
    _note_installation(draft)


def _build_installation(draft: ConnectorDraft, url: Any) -> dict[str, Any]:
    return {
        "ask": [],
        "assertion": {
            "key": draft.build_env_template("PRIVATE_KEY"),
            "claims": {"iss": draft.build_env_template("APP_ID")},
            "lifetime_seconds": _APP_SECONDS - 60,
            "backdate_seconds": 60,
            "unique": False,
        },
        "request": {
            "url": draft.fill_required_url(url if isinstance(url, str) else "", "token_url"),
            "headers": {"authorization": "Bearer {{assertion}}"},
            "response": "response.token",
            "expires": "response.expires_at",
            "expires_unit": "iso8601",
        },
    }


def _note_installation(draft: ConnectorDraft) -> None:
    page = draft.entry.take_text("authorization_url")
    draft.entry.take("authorization_url_skip_encode")
    if page:
        draft.losses.add(
            "the app's installation: a person installs it on the vendor's page, and the account's context needs its ID",
            clean_text(page, 120),
        )


def read_custom(draft: ConnectorDraft) -> None:
    """CUSTOM: a person's consent and the installation of an app, to be chosen between by `context.login`."""
    urls = draft.entry.peek("token_url")
    draft.entry.take("token_url", "APP")
    installation = _build_installation(draft, urls.get("APP") if isinstance(urls, Mapping) else urls)
    read_oauth2(draft)
    person = draft.credentials
    page = draft.entry.peek("authorization_url")
    draft.losses.add(
        "both tokens from one login: an account sets context.login to app or person",
        clean_text(page or "", 120),
    )
    draft.credentials = {
        "format": "choice",
        "config": {
            "by": "context.login",
            "options": {"app": {"format": "jwt_bearer", "config": installation}, "person": person},
        },
    }
    draft.fields.append({"name": "login", "label": "Login", "required": False, "options": ["app", "person"]})


def read_plugin(draft: ConnectorDraft) -> dict[str, Any] | None:
    """INSTALL_PLUGIN: the plugin's key, after a person has installed the plugin."""
    kind = draft.entry.take_text("auth_type") or "BASIC"
    read_credentials(draft, {"username": "username", "password": "password"})
    for name in draft.entry.take_texts("redirect_uri_metadata"):
        called = draft.names.add_context(name)
        if all(row["name"] != called for row in draft.fields):
            draft.fields.append({"name": called, "description": "The vendor shows it when the plugin is installed"})
    draft.losses.add("the plugin's installation: a person installs it at the vendor")
    if kind != "BASIC":
        draft.losses.add(f"auth_type {clean_text(kind, 40)}: set `credentials` and `authorization` yourself")
        return None
    draft.credentials = draft.build_credentials(
        "basic", {"username_label": "Identifier of the plugin", "password_label": "Key of the plugin"}
    )
    return {"format": "basic"}


def read_token_based(draft: ConnectorDraft) -> None:
    """TBA: four parts that an account has, and a signature with the account's number as its realm."""
    read_credentials(draft, {})
    draft.credentials = draft.build_credentials("oauth1", {})
    called = draft.names.add_context("accountId")
    if all(row["name"] != called for row in draft.fields):
        draft.fields.append({"name": called, "label": "Account ID", "description": "The number of the account"})
    draft.names.defaults.pop("accountId", None)
    realm = f"{{{{$uppercase($replace(context.{called}, '-', '_', 1))}}}}"
    draft.signature = {"format": "oauth1", "config": {"algorithm": "HMAC-SHA256", "realm": realm}}


def read_aws(draft: ConnectorDraft) -> None:
    """AWS_SIGV4: the keys of a role. Assuming the role is left to the platform that uses the entry."""
    names, entry = draft.names, draft.entry
    theirs = [*entry.take_object("integration_config"), *entry.take_object("credentials")]
    used = {"service", "region"}
    read_credentials(draft, {})
    draft.ask = []
    draft.fields = [row for row in draft.fields if row["name"] in used]
    for name in used & set(names.context):
        names.optional.discard(name)
    for name in theirs:
        if name not in used:
            draft.losses.add("assuming the role: the account needs temporary keys for it", clean_text(name, 40))
            names.context.pop(name, None)
            names.secrets.pop(name, None)
    for name, label, secret in (
        ("access_key_id", "Access key ID", False),
        ("secret_access_key", "Secret access key", True),
        ("session_token", "Session token", True),
    ):
        row: dict[str, Any] = {"name": names.add_secret(name), "label": label}
        draft.ask.append(row if secret else {**row, "secret": False})
    draft.credentials = draft.build_credentials("none", {})
    draft.signature = {
        "format": "aws_sigv4",
        "config": {
            "service": f"{{{{context.{names.add_context('service')}}}}}",
            "region": f"{{{{context.{names.add_context('region')}}}}}",
            "session_token": "{{session_token}}",
        },
    }
