"""A local vendor with one large answer, made as it is sent. `python -m benchmarks.large_server` prints its port and
serves `/MEGABYTES/table.csv` and `/MEGABYTES/rows.jsonl` until its standard input ends. Standard library only."""

import http.server
import sys
import threading

from benchmarks.workloads import TOKEN

__all__ = ["COLUMNS"]

COLUMNS = ("id", "name", "email", "status", "created_at", "note")
_BLOCK = 2_000


def _csv(number: int) -> bytes:
    return b'%d,person %d,p%d@example.com,active,2026-01-02T03:04:05Z,"some text, with a comma"\n' % ((number,) * 3)


def _jsonl(number: int) -> bytes:
    return (
        b'{"id":"%d","name":"person %d","email":"p%d@example.com","status":"active",'
        b'"created_at":"2026-01-02T03:04:05Z","note":"some text, with a comma"}\n' % ((number,) * 3)
    )


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers in chunks."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        _, size, name = self.path.split("/")
        self.send_response(200 if self.headers.get("authorization") == f"Bearer {TOKEN}" else 401)
        self.send_header("Content-Type", "text/csv" if name.endswith("csv") else "application/x-ndjson")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        row = _csv if name.endswith("csv") else _jsonl
        if name.endswith("csv"):
            self._chunk(",".join(COLUMNS).encode() + b"\n")
        # One block is made, and sent over and over: the server must not be what is measured.
        block = b"".join(map(row, range(_BLOCK)))
        for _ in range(int(size) * 1_000_000 // len(block) + 1):
            self._chunk(block)
        self._chunk(b"")

    def _chunk(self, content: bytes) -> None:
        self.wfile.write(b"%x\r\n%b\r\n" % (len(content), content))

    def log_message(self, *_: object) -> None:
        pass


if __name__ == "__main__":
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdout.write(f"{server.server_address[1]}\n")
    sys.stdout.flush()
    sys.stdin.buffer.read()
