"""The database of everything that runs for long. This is the public interface."""

from conn_service.store.database import DEFAULT_FILE, Migration, ServiceStoreError, open_engine, prepare_tables

__all__ = ["DEFAULT_FILE", "Migration", "ServiceStoreError", "open_engine", "prepare_tables"]
