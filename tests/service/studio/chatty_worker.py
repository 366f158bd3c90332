"""A worker that never answers, and writes all the time."""

from collections.abc import Callable

from conn_service.query_process.worker import serve_queries


def serve() -> None:
    def answer(_query: bytes, note: Callable[[bytes], None]) -> bytes:
        while True:
            note(b"{}".ljust(1_000_000))

    serve_queries(answer)
