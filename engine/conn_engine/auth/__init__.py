"""Credentials and authorization: how an account gets its secrets, and how a request carries them.

Nothing here sends or stores anything: a token request is yielded, a renewal is an effect.
"""

from conn_engine.auth.authorization import Authorization, Basic, Bearer, Header, NoAuthorization, Query
from conn_engine.auth.credentials import (
    ApiKey,
    BasicCredentials,
    BearerCredentials,
    Credentials,
    NoCredentials,
    OAuth2,
    OAuth2ClientCredentials,
)
from conn_engine.auth.names import CredentialField
from conn_engine.auth.renewal import current, renewal
from conn_engine.auth.token_request import TokenRequest, request_token

__all__ = [
    "ApiKey",
    "Authorization",
    "Basic",
    "BasicCredentials",
    "Bearer",
    "BearerCredentials",
    "CredentialField",
    "Credentials",
    "Header",
    "NoAuthorization",
    "NoCredentials",
    "OAuth2",
    "OAuth2ClientCredentials",
    "Query",
    "TokenRequest",
    "current",
    "renewal",
    "request_token",
]
