"""Run syncs durably, on DBOS. This is the public interface."""
