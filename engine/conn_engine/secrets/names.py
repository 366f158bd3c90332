"""Decide by their names which headers, parameters, fields and parts of a credential document are secrets."""

import re
from typing import Literal, TypeAlias

__all__ = [
    "Place",
    "is_common_word",
    "is_credential_name",
    "is_doubtful_parameter",
    "is_open_part",
    "is_public_part",
    "is_secret_name",
    "is_signature_name",
]

Place: TypeAlias = Literal["header", "parameter", "field"]
"""The place of a name: a parameter is in a URL or a form, a field in a document."""

# fmt: off
_SECRET_NAMES = frozenset({
    "accesskey", "accesskeyid", "accesstoken", "apikey", "apisecret", "apitoken", "appsecret",
    "assertion", "auth", "authorization", "authtoken", "bearer", "bearertoken", "clientassertion",
    "clientsecret", "codeverifier", "cookie", "cookies", "credential", "credentials", "csrftoken",
    "idtoken", "jwt", "passphrase", "passwd", "password", "personalaccesstoken", "privatekey",
    "proxyauthorization", "pwd", "refreshtoken", "secret", "secretkey", "secrets", "securitytoken",
    "sessiontoken", "setcookie", "sharedsecret", "signingsecret", "token", "webhooksecret", "xsrftoken",
})
_SECRET_ENDINGS = (
    "accesstoken", "apikey", "apitoken", "authorization", "authtoken", "clientsecret", "csrftoken",
    "idtoken", "password", "privatekey", "refreshtoken", "secret", "secretkey", "securitytoken",
    "sessiontoken", "setcookie",
)
_PUBLIC_PARTS = frozenset({
    "tokentype", "scope", "scopes", "expiresat", "expiresin", "expires", "issuedat", "createdat",
    "instanceurl", "apidomain", "baseurl", "captured", "webhookusername",
})
_OPEN_ENDINGS = (
    "account", "domain", "email", "environment", "host", "id", "locale", "login", "name", "realm", "region", "server",
    "shop", "site", "tenant", "type", "uri", "url", "user", "version", "zone",
)
# fmt: on
# The endings of names that may be credentials in a file of an unknown vendor.
_CREDENTIAL_ENDINGS = (
    "accesskey",
    "accesskeyid",
    "accountkey",
    "adminkey",
    "apikey",
    "appkey",
    "applicationkey",
    "assertion",
    "authkey",
    "authorization",
    "clientkey",
    "connectionstring",
    "consumerkey",
    "cookie",
    "credential",
    "credentials",
    "devkey",
    "developerkey",
    "encryptionkey",
    "functionskey",
    "hmac",
    "insertkey",
    "integrationkey",
    "jwt",
    "licensekey",
    "masterkey",
    "otp",
    "passcode",
    "passphrase",
    "passwd",
    "password",
    "privatekey",
    "querykey",
    "samlresponse",
    "secret",
    "secretkey",
    "serverkey",
    "sessid",
    "sessionid",
    "sessionkey",
    "sharedkey",
    "signingkey",
    "storagekey",
    "subscriptionkey",
    "token",
    "userkey",
)
_CREDENTIAL_NAMES = frozenset(
    {
        "authcode",
        "authentication",
        "authorizationcode",
        "awsaccesskeyid",
        "devicecode",
        "googleaccessid",
        "mfacode",
        "pass",
        "recoverycodes",
        "sastoken",
        "ticket",
        "verificationcode",
        "xamznoidcdata",
        "xauth",
        "xhoneycombteam",
        "xjfrogartapi",
        "xsession",
        "xvercelprotectionbypass",
    }
)
_LAST_WORDS_OF_HEADERS = frozenset({"auth", "hmac", "key", "session", "sid", "sign", "signature", "token"})
# Parameters that are often a credential: they are redacted only if the value looks like one.
_DOUBTFUL_PARAMETERS = frozenset({"auth", "code", "hash", "k", "key", "session", "sid", "sign", "state", "t", "tk"})
_SIGNED_URLS = frozenset({"sig", "signature", "xamzsignature", "xgoogsignature"})
_PAGING = re.compile(
    "(?:page|paging|pagination|next|prev|previous|sync|continu(?:e|ation)|cursor|skip|delta|changes?|resume|scroll|start|end"
    "|batch|upload|input|output|total|max|prompt|completion)token$"
)
_COMMON_WORDS = frozenset({"true", "false", "null", "none"})


def _squeeze(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def is_secret_name(name: str) -> bool:
    """Return whether a field, header or parameter with this name is a secret (`api_key`, `Set-Cookie` …).

    Names of paging tokens (`next_page_token`, `sync_token` …) are not secrets.
    """
    key = _squeeze(name)
    return key in _SECRET_NAMES or key.endswith(_SECRET_ENDINGS)


def is_credential_name(name: str, place: Place) -> bool:
    """Return whether a name in a file of an unknown vendor may be a credential, depending on its place. It accepts more
    names than `is_secret_name`, but no names of page tokens either."""
    key = _squeeze(name)
    if is_secret_name(name) or key in _CREDENTIAL_NAMES:
        return True
    if place == "header" and _split_words(name)[-1:] and _split_words(name)[-1] in _LAST_WORDS_OF_HEADERS:
        return "idempot" not in key
    return key.endswith(_CREDENTIAL_ENDINGS) and _PAGING.search(key) is None


def is_doubtful_parameter(name: str) -> bool:
    """Return whether a parameter with this name is a credential for some vendors, and something else for others."""
    return _squeeze(name) in _DOUBTFUL_PARAMETERS


def _split_words(name: str) -> list[str]:
    return re.findall(r"[a-z]+|[0-9]+", re.sub(r"([a-z0-9])([A-Z])", r"\1 \2", name).lower())


def is_signature_name(name: str) -> bool:
    """Return whether a parameter is the signature of its URL, which then grants access by itself. In a document, such a
    name may be anything."""
    return _squeeze(name) in _SIGNED_URLS


def is_public_part(name: str) -> bool:
    """Return whether a part of a credential document is not a secret (`scope`, `expires_at` …)."""
    return _squeeze(name) in _PUBLIC_PARTS


def is_open_part(name: str) -> bool:
    """Return whether a part of a credential document is an identity, not a proof of it (`username`, `shop`). Responses
    often contain it."""
    return _squeeze(name).endswith(_OPEN_ENDINGS)


def is_common_word(text: str) -> bool:
    """Return whether a value of a credential document is a word that every document may contain."""
    return text.lower() in _COMMON_WORDS
