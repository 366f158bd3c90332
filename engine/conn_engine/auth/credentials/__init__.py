"""The kinds of credentials: how an account gets its secrets. To add a kind, write a class and list it in `combined`.

Each kind has settings and `fields`, `document`, `sample`, `is_expired`, `due`, `renewable`, `exchange`, `certificate`
and `revocation`. The vault stores the document.
"""

from conn_engine.auth.credentials.api_key import ApiKey
from conn_engine.auth.credentials.basic import BasicCredentials
from conn_engine.auth.credentials.bearer import BearerCredentials
from conn_engine.auth.credentials.combined import Choice, Credentials, Mtls, choose_credentials
from conn_engine.auth.credentials.jwt_bearer import JwtBearer
from conn_engine.auth.credentials.none import NoCredentials
from conn_engine.auth.credentials.oauth1 import OAuth1Credentials
from conn_engine.auth.credentials.oauth2 import OAuth2
from conn_engine.auth.credentials.oauth2_client_credentials import OAuth2ClientCredentials
from conn_engine.auth.credentials.oauth2_password import OAuth2Password
from conn_engine.auth.credentials.session import SessionCredentials
from conn_engine.auth.credentials.supplied_values import add_supplied_values, read_secret_fields
from conn_engine.auth.credentials.with_consent import ConsentCredentials, as_consent_credentials

__all__ = [
    "ApiKey",
    "BasicCredentials",
    "BearerCredentials",
    "Choice",
    "ConsentCredentials",
    "Credentials",
    "JwtBearer",
    "Mtls",
    "NoCredentials",
    "OAuth1Credentials",
    "OAuth2",
    "OAuth2ClientCredentials",
    "OAuth2Password",
    "SessionCredentials",
    "add_supplied_values",
    "as_consent_credentials",
    "choose_credentials",
    "read_secret_fields",
]
