"""The command line: thin over `conn_engine`."""
