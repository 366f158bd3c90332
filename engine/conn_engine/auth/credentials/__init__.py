"""How an account gets its secrets. `choice` has the list of kinds: a new one is a class and its name there.

Each kind is settings and `fields`, `document`, `sample`, `expired`, `due`, `renewable`, `exchange`,
`certificate` and `revocation`. Where the
document is kept is the vault's.
"""

from conn_engine.auth.credentials.api_key import ApiKey
from conn_engine.auth.credentials.basic import BasicCredentials
from conn_engine.auth.credentials.bearer import BearerCredentials
from conn_engine.auth.credentials.choice import Choice, Credentials, Mtls, choose_credentials
from conn_engine.auth.credentials.consenting import Consenting, as_consenting
from conn_engine.auth.credentials.jwt_bearer import JwtBearer
from conn_engine.auth.credentials.none import NoCredentials
from conn_engine.auth.credentials.oauth1 import OAuth1Credentials
from conn_engine.auth.credentials.oauth2 import OAuth2
from conn_engine.auth.credentials.oauth2_client_credentials import OAuth2ClientCredentials
from conn_engine.auth.credentials.oauth2_password import OAuth2Password
from conn_engine.auth.credentials.session import SessionCredentials
from conn_engine.auth.credentials.supplied import add_asked_parts, secret_fields

__all__ = [
    "ApiKey",
    "BasicCredentials",
    "BearerCredentials",
    "Choice",
    "Consenting",
    "Credentials",
    "JwtBearer",
    "Mtls",
    "NoCredentials",
    "OAuth1Credentials",
    "OAuth2",
    "OAuth2ClientCredentials",
    "OAuth2Password",
    "SessionCredentials",
    "add_asked_parts",
    "as_consenting",
    "choose_credentials",
    "secret_fields",
]
