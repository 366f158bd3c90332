"""`conn mcp --authoring`: a server of the Model Context Protocol, with which an agent writes and tests connectors.

Each tool of `tools` is a command line whose JSON report is the result, or a file that is read or written (`files`).
`server` speaks the protocol and never reads a document itself: every call runs in a process of its own (`calls`), which
has no credential and no network use, and is killed if it takes too long. `results` bounds what is returned.
"""
