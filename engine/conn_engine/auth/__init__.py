"""Credentials and authorization: how an account gets its secrets, and how a request carries them.

Nothing here sends or stores anything: a token request is yielded, a renewal is an effect.
"""

from conn_engine.auth.authorization import (
    Authorization,
    AuthorizationChoice,
    Basic,
    Bearer,
    Body,
    Cookie,
    Expression,
    Header,
    NoAuthorization,
    Path,
    Query,
    Several,
)
from conn_engine.auth.consent import Consent, fresh_secret
from conn_engine.auth.credentials import (
    ApiKey,
    BasicCredentials,
    BearerCredentials,
    Choice,
    Consenting,
    Credentials,
    JwtBearer,
    Mtls,
    NoCredentials,
    OAuth1Credentials,
    OAuth2,
    OAuth2ClientCredentials,
    OAuth2Password,
    Session,
    chosen,
    consenting,
    secret_fields,
    supplied,
)
from conn_engine.auth.lifecycle import Introspection, Revocation
from conn_engine.auth.names import CAPTURED, CredentialField
from conn_engine.auth.omission import absent_parts, emptied, missing_parts, without
from conn_engine.auth.refusal import clock_hint
from conn_engine.auth.renewal import current, renewal
from conn_engine.auth.signing.assertion import Assertion
from conn_engine.auth.token_request import Grant, TokenRequest, TokenStep, request_token

__all__ = [
    "CAPTURED",
    "ApiKey",
    "Assertion",
    "Authorization",
    "AuthorizationChoice",
    "Basic",
    "BasicCredentials",
    "Bearer",
    "BearerCredentials",
    "Body",
    "Choice",
    "Consent",
    "Consenting",
    "Cookie",
    "CredentialField",
    "Credentials",
    "Expression",
    "Grant",
    "Header",
    "Introspection",
    "JwtBearer",
    "Mtls",
    "NoAuthorization",
    "NoCredentials",
    "OAuth1Credentials",
    "OAuth2",
    "OAuth2ClientCredentials",
    "OAuth2Password",
    "Path",
    "Query",
    "Revocation",
    "Session",
    "Several",
    "TokenRequest",
    "TokenStep",
    "absent_parts",
    "chosen",
    "clock_hint",
    "consenting",
    "current",
    "emptied",
    "fresh_secret",
    "missing_parts",
    "renewal",
    "request_token",
    "secret_fields",
    "supplied",
    "without",
]
