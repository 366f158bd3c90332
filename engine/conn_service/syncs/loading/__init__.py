"""The process that loads tables: `worker` serves it, `duckdb_tables` and `dlt_tables` load, and `messages` are what it
is sent. It imports nothing of the store, so that it starts quickly."""
