"""How an account gets its secrets. `Credentials` is the list of kinds: a new one is a class and its name
here.

Each kind is settings and `fields`, `document`, `sample`, `expired`, `renewable` and `exchange`. Where the
document is kept is the vault's.
"""

from typing import TypeAlias

from conn_engine.auth.credentials.api_key import ApiKey
from conn_engine.auth.credentials.basic import BasicCredentials
from conn_engine.auth.credentials.bearer import BearerCredentials
from conn_engine.auth.credentials.none import NoCredentials
from conn_engine.auth.credentials.oauth2 import OAuth2
from conn_engine.auth.credentials.oauth2_client_credentials import OAuth2ClientCredentials

__all__ = [
    "ApiKey",
    "BasicCredentials",
    "BearerCredentials",
    "Credentials",
    "NoCredentials",
    "OAuth2",
    "OAuth2ClientCredentials",
]

Credentials: TypeAlias = (
    NoCredentials | ApiKey | BasicCredentials | BearerCredentials | OAuth2 | OAuth2ClientCredentials
)
