"""The database of everything that runs for long. This is the public interface."""

from conn_service.store.budgets import DatabaseBudgets, open_budgets
from conn_service.store.database import (
    DATABASE_RETRIES,
    DEFAULT_FILE,
    Migration,
    ServiceStoreError,
    StoreWatch,
    add_columns,
    check_database,
    connect_to_read,
    is_unreachable,
    open_engine,
    prepare_tables,
    translate_errors,
)
from conn_service.store.row_insertion import RowInsertion, insert_together
from conn_service.store.slots import SlotLease, exit_process
from conn_service.store.vault import (
    DatabaseVault,
    VaultKeys,
    WorkerVault,
    open_database_vault,
    read_vault_keys,
)

__all__ = [
    "DATABASE_RETRIES",
    "DEFAULT_FILE",
    "DatabaseBudgets",
    "DatabaseVault",
    "Migration",
    "RowInsertion",
    "ServiceStoreError",
    "SlotLease",
    "StoreWatch",
    "VaultKeys",
    "WorkerVault",
    "add_columns",
    "check_database",
    "connect_to_read",
    "exit_process",
    "insert_together",
    "is_unreachable",
    "open_budgets",
    "open_database_vault",
    "open_engine",
    "prepare_tables",
    "read_vault_keys",
    "translate_errors",
]
