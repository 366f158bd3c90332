"""Credentials and authorization: how an account gets its secrets, and how a request carries them.

Nothing here sends or stores anything: a token request is yielded, a renewal is an effect.
"""

from conn_engine.auth.authorization import (
    Authorization,
    AuthorizationChoice,
    BasicAuthorization,
    Bearer,
    Body,
    Cookie,
    ExpressionAuthorization,
    Header,
    NoAuthorization,
    PathAuthorization,
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
    SessionCredentials,
    add_asked_parts,
    as_consenting,
    choose_credentials,
    secret_fields,
)
from conn_engine.auth.lifecycle import Introspection, Revocation
from conn_engine.auth.names import CAPTURED, CredentialField
from conn_engine.auth.omission import absent_parts, blank_absent, missing_parts, remove_absent
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
    "BasicAuthorization",
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
    "ExpressionAuthorization",
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
    "PathAuthorization",
    "Query",
    "Revocation",
    "SessionCredentials",
    "Several",
    "TokenRequest",
    "TokenStep",
    "absent_parts",
    "add_asked_parts",
    "as_consenting",
    "blank_absent",
    "choose_credentials",
    "clock_hint",
    "current",
    "fresh_secret",
    "missing_parts",
    "remove_absent",
    "renewal",
    "request_token",
    "secret_fields",
]
