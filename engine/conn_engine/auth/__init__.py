"""Get an account's secrets (credentials) and add them to requests (authorization).

Nothing here sends or stores anything: a token request is yielded, and a renewal is an effect.
"""

from conn_engine.auth.absent_parts import absent_parts, blank_absent, missing_parts, remove_absent
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
from conn_engine.auth.consent import Consent, draw_secret
from conn_engine.auth.credential_document import CAPTURED, CredentialField
from conn_engine.auth.credentials import (
    ApiKey,
    BasicCredentials,
    BearerCredentials,
    Choice,
    ConsentCredentials,
    Credentials,
    JwtBearer,
    Mtls,
    NoCredentials,
    OAuth1Credentials,
    OAuth2,
    OAuth2ClientCredentials,
    OAuth2Password,
    SessionCredentials,
    add_supplied_values,
    as_consent_credentials,
    choose_credentials,
    read_secret_fields,
)
from conn_engine.auth.lifecycle import Introspection, Revocation
from conn_engine.auth.renewal import build_renewal, renew_if_due
from conn_engine.auth.signing.assertion import Assertion
from conn_engine.auth.token_errors import add_clock_hint
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
    "ConsentCredentials",
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
    "add_clock_hint",
    "add_supplied_values",
    "as_consent_credentials",
    "blank_absent",
    "build_renewal",
    "choose_credentials",
    "draw_secret",
    "missing_parts",
    "read_secret_fields",
    "remove_absent",
    "renew_if_due",
    "request_token",
]
