"""How a request carries the account's secret. `Authorization` is the list of kinds: a new one is a class and
its name here. `apply` runs last, over a finished draft; the scope is the stored document's keys, `env` and
`context`."""

from typing import TypeAlias

from conn_engine.auth.authorization.basic import Basic
from conn_engine.auth.authorization.bearer import Bearer
from conn_engine.auth.authorization.header import Header
from conn_engine.auth.authorization.none import NoAuthorization
from conn_engine.auth.authorization.query import Query

__all__ = ["Authorization", "Basic", "Bearer", "Header", "NoAuthorization", "Query"]

Authorization: TypeAlias = NoAuthorization | Bearer | Basic | Header | Query
