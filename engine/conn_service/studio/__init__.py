"""The page in which an author maps a customer's fields, served on this machine.

`app` maps routes to queries, and `guard` refuses every request that does not come from the page. The queries are
answered by `StudioSession` in a process that is killed if it takes too long; the server itself reads no document and
evaluates no expression.
"""
