"""A process that serves: it runs an operation again and again, each time as the channel has it, and says what it got.

`python serving_process.py STORE CHANNEL`; a line of JSON for each request, until its standard input ends.
"""

import json
import sys
import threading
import time

from conn_engine import ReleaseSource


def serve(store: str, channel: str) -> None:
    ended = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
    environ = {"CONN_NO_KEYRING": "1", "CONN_ACME_TOKEN": "t0p-s3cret-of-acme"}
    with ReleaseSource(store, channel) as source:
        while not ended.is_set():
            with source.connect("acme", environ=environ) as acme:
                record = next(acme.records("contacts.list"))
            print(json.dumps({"at": time.time(), **record}), flush=True)
            time.sleep(0.01)


if __name__ == "__main__":
    serve(*sys.argv[1:])
