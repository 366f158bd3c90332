"""The script a programmer writes by hand, whole: fetch every page, map it in Python, print JSON lines.

Arguments: the connector, the base URL, the account's values as JSON.
"""

import json
import sys

import httpx

from benchmarks.by_hand import MAPPINGS
from benchmarks.peers.course import PAGE
from benchmarks.workloads import WORKLOADS


def main() -> None:
    """Print every record of the listing."""
    workload, base, context = WORKLOADS[sys.argv[1]], sys.argv[2], json.loads(sys.argv[3])
    mapping = MAPPINGS[(workload.connector, workload.operation)]
    query: dict[str, object] = {"limit": PAGE}
    with httpx.Client(headers=dict([workload.header]), timeout=30, trust_env=False) as client:
        while True:
            body = client.get(f"{base}{workload.path}", params=query).raise_for_status().json()
            for record in body[workload.records]:
                sys.stdout.write(f"{json.dumps(mapping(record, context), ensure_ascii=False)}\n")
            after = body
            for name in workload.cursor:
                after = after.get(name) or {}
            if not after:
                return
            query[workload.param] = after


main()
