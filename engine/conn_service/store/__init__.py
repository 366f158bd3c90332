"""The database of everything that runs for long. This is the public interface."""

from conn_service.store.budgets import DatabaseBudgets
from conn_service.store.database import (
    DATABASE_RETRIES,
    DEFAULT_FILE,
    Migration,
    ServiceStoreError,
    StoreWatch,
    add_columns,
    is_unreachable,
    open_engine,
    prepare_tables,
    translate_errors,
)
from conn_service.store.slots import SlotLease

__all__ = [
    "DATABASE_RETRIES",
    "DEFAULT_FILE",
    "DatabaseBudgets",
    "Migration",
    "ServiceStoreError",
    "SlotLease",
    "StoreWatch",
    "add_columns",
    "is_unreachable",
    "open_engine",
    "prepare_tables",
    "translate_errors",
]
