"""Tools for an agent that works with the records of one account, over the Model Context Protocol.

`session` runs the tools that `conn_engine.runtime.agent_tools` defines, over the unified API: the same checks, mappings
and errors as over HTTP. `pages` and `results` keep what an agent reads short, `resource_descriptions` tells it the
fields, and `confirmations` lets a write be sent only after its plan. `server` speaks the protocol, `routes` serves it
at `/mcp`, and `local` on standard input and output.
"""
