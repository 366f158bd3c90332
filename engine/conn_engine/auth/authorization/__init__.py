"""The kinds of authorization: how the account's secret is added to a request. To add a kind, write a class and list it
in `combined`. `apply` runs last, on a finished draft; its scope has the stored document's keys, `env` and `context`."""

from conn_engine.auth.authorization.basic import BasicAuthorization
from conn_engine.auth.authorization.bearer import Bearer
from conn_engine.auth.authorization.body import Body
from conn_engine.auth.authorization.combined import Authorization, AuthorizationChoice, Several
from conn_engine.auth.authorization.cookie import Cookie
from conn_engine.auth.authorization.expression import ExpressionAuthorization
from conn_engine.auth.authorization.header import Header
from conn_engine.auth.authorization.none import NoAuthorization
from conn_engine.auth.authorization.path import PathAuthorization
from conn_engine.auth.authorization.query import Query

__all__ = [
    "Authorization",
    "AuthorizationChoice",
    "BasicAuthorization",
    "Bearer",
    "Body",
    "Cookie",
    "ExpressionAuthorization",
    "Header",
    "NoAuthorization",
    "PathAuthorization",
    "Query",
    "Several",
]
