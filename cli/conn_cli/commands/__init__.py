"""One file per verb. Commands never import each other; what they share is in `conn_cli` itself."""
