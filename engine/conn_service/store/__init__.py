"""The database of everything that runs for long. This is the public interface."""

from conn_service.store.budgets import DatabaseBudgets
from conn_service.store.database import (
    DATABASE_RETRIES,
    DEFAULT_FILE,
    Migration,
    ServiceStoreError,
    add_columns,
    is_unreachable,
    open_engine,
    prepare_tables,
)
from conn_service.store.slots import SlotLease

__all__ = [
    "DATABASE_RETRIES",
    "DEFAULT_FILE",
    "DatabaseBudgets",
    "Migration",
    "ServiceStoreError",
    "SlotLease",
    "add_columns",
    "is_unreachable",
    "open_engine",
    "prepare_tables",
]
