"""One file per verb, or a package for a group with many. Commands never import each other; what they share is in
`conn_cli` itself."""
