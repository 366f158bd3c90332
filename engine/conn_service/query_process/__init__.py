"""A process that answers one query at a time for a server: it has no credentials in its environment, its memory is
limited, and it is killed if an answer takes too long. `process` is the server's side of it, and `worker` its own."""
