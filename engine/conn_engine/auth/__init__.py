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
    Query,
    Several,
)
from conn_engine.auth.consent import Consent, fresh_secret
from conn_engine.auth.credentials import (
    ApiKey,
    BasicCredentials,
    BearerCredentials,
    Choice,
    Credentials,
    JwtBearer,
    NoCredentials,
    OAuth2,
    OAuth2ClientCredentials,
    OAuth2Password,
    Session,
    chosen,
)
from conn_engine.auth.names import CAPTURED, CredentialField
from conn_engine.auth.renewal import current, renewal
from conn_engine.auth.token_request import Grant, TokenRequest, TokenStep, request_token
from conn_engine.signing.assertion import Assertion

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
    "Cookie",
    "CredentialField",
    "Credentials",
    "Expression",
    "Grant",
    "Header",
    "JwtBearer",
    "NoAuthorization",
    "NoCredentials",
    "OAuth2",
    "OAuth2ClientCredentials",
    "OAuth2Password",
    "Query",
    "Session",
    "Several",
    "TokenRequest",
    "TokenStep",
    "chosen",
    "current",
    "fresh_secret",
    "renewal",
    "request_token",
]
