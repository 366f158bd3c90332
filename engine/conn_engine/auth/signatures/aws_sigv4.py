"""AWS Signature Version 4 in headers. Presigned URLs and chunked bodies are not supported."""

import hashlib
import hmac
import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated
from urllib.parse import quote, unquote

from msgspec import Meta

from conn_engine.auth.signatures.request_scope import SigningContext, fill_template
from conn_engine.errors import CredentialError
from conn_engine.roles import SECRET, TEMPLATE
from conn_engine.settings import Scope, Settings
from conn_engine.urls import split_plain_url
from conn_engine.wire import Request

__all__ = ["AwsSigV4"]

_ALGORITHM = "AWS4-HMAC-SHA256"
_UNSIGNED = frozenset({"authorization", "user-agent", "connection", "accept-encoding", "content-length", "expect"})


class AwsSigV4(Settings, frozen=True, kw_only=True, tag_field="format", tag="aws_sigv4"):
    """Signature Version 4 over method, path, query, headers and body."""

    service: Annotated[
        str, Meta(description="Template for the service's signing name (`execute-api`, `s3`).", extra=TEMPLATE)
    ]
    region: Annotated[str, Meta(description="Template for the region (`{{context.region}}`).", extra=TEMPLATE)]
    access_key: Annotated[str, Meta(description="Template for the access key ID.", extra=TEMPLATE)] = (
        "{{access_key_id}}"
    )
    secret_key: Annotated[str, Meta(description="Template for the secret key.", extra=SECRET)] = "{{secret_access_key}}"  # noqa: S105
    session_token: Annotated[
        str | None, Meta(description="Template for the token of temporary credentials. Default: none.", extra=SECRET)
    ] = None
    encode_path_twice: Annotated[
        bool | None, Meta(description="Whether the signed path is encoded twice. Default: yes, except for s3.")
    ] = None
    content_header: Annotated[
        bool | None, Meta(description="Whether to send `x-amz-content-sha256`. Default: only for s3.")
    ] = None

    def sign(self, request: Request, scope: Scope, moment: SigningContext) -> Request:
        """Return the signed request. Raises CredentialError when the account lacks a key."""
        purpose = "the signature"
        names = scope | moment.names()
        service, region = (fill_template(text, names, purpose=purpose) for text in (self.service, self.region))
        is_storage = service == "s3"
        timestamp = datetime.fromtimestamp(int(moment.now), UTC).strftime("%Y%m%dT%H%M%SZ")
        digest = hashlib.sha256(request.body or b"").hexdigest()
        parts = split_plain_url(request.url)
        headers = request.headers.replace_header("x-amz-date", timestamp)
        if self.content_header or (self.content_header is None and is_storage):
            headers = headers.replace_header("x-amz-content-sha256", digest)
        token = fill_template(self.session_token, names, purpose=purpose) if self.session_token is not None else ""
        if token:
            headers = headers.replace_header("x-amz-security-token", token)
        signed = {"host": parts.netloc.lower()} | {
            name.lower(): ",".join(re.sub(r" +", " ", text.strip()) for text in headers.get_all(name))
            for name in headers
            if name.lower() not in _UNSIGNED
        }
        list_of_names = ";".join(sorted(signed))
        twice = self.encode_path_twice if self.encode_path_twice is not None else not is_storage
        canonical = "\n".join(
            (
                request.method,
                _encode_path(parts.path, twice),
                _encode_query(parts.query),
                *(f"{name}:{signed[name]}" for name in sorted(signed)),
                "",
                list_of_names,
                digest,
            )
        )
        credential_scope = f"{timestamp[:8]}/{region}/{service}/aws4_request"
        text = "\n".join((_ALGORITHM, timestamp, credential_scope, hashlib.sha256(canonical.encode()).hexdigest()))
        key = f"AWS4{fill_template(self.secret_key, names, purpose=purpose)}".encode()
        for part in (timestamp[:8], region, service, "aws4_request"):
            key = hmac.digest(key, part.encode(), "sha256")
        signature = hmac.new(key, text.encode(), "sha256").hexdigest()
        access_key = fill_template(self.access_key, names, purpose=purpose)
        if not access_key:
            raise CredentialError("the account has no key to sign with", hint="log the account in again")
        value = (
            f"{_ALGORITHM} Credential={access_key}/{credential_scope}, SignedHeaders={list_of_names}, "
            f"Signature={signature}"
        )
        return replace(request, headers=headers.replace_header("authorization", value), authorized=True)


def _encode_path(path: str, twice: bool) -> str:
    """Return the path as it is sent, encoded again if the service requires it."""
    once = "/".join(quote(unquote(segment), safe="-._~") for segment in (path or "/").split("/"))
    return quote(once, safe="/-._~") if twice else once


def _encode_query(query: str) -> str:
    pairs = [pair.partition("=") for pair in query.split("&") if pair]
    encoded = [(quote(unquote(name), safe="-._~"), quote(unquote(value), safe="-._~")) for name, _, value in pairs]
    return "&".join(f"{name}={value}" for name, value in sorted(encoded))
