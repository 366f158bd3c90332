"""dlt's REST source into DuckDB, as a complete process: its own cursor paginator and bearer token, the columns made by
a function, merged by key.

Arguments: the address of the listing, the DuckDB file, the folder of the pipeline.
"""

import os
import sys
from pathlib import Path
from typing import Any

os.environ |= {"RUNTIME__DLTHUB_TELEMETRY": "false", "RUNTIME__LOG_LEVEL": "ERROR"}

import dlt
from dlt.sources.rest_api import rest_api_resources

from benchmarks.by_hand import hubspot_sync_row
from benchmarks.peers.course import PAGE
from benchmarks.workloads import HUBSPOT, TOKEN


def main() -> None:
    """Load every record of the listing."""
    base, file, place = sys.argv[1:]
    config: Any = {
        "client": {
            "base_url": base,
            "auth": {"type": "bearer", "token": TOKEN},
            "paginator": {
                "type": "cursor",
                "cursor_path": ".".join(HUBSPOT.cursor),
                "cursor_param": HUBSPOT.param,
            },
        },
        "resource_defaults": {"primary_key": "id", "write_disposition": "merge"},
        "resources": [
            {
                "name": "contacts",
                "endpoint": {
                    "path": HUBSPOT.path.lstrip("/"),
                    "params": {"limit": PAGE},
                    "data_selector": HUBSPOT.records,
                },
                "processing_steps": [{"map": hubspot_sync_row}],
            }
        ],
    }
    destination = dlt.destinations.duckdb(file)
    pipeline = dlt.pipeline("bench", destination=destination, dataset_name="conn", pipelines_dir=str(Path(place)))
    pipeline.run(rest_api_resources(config))


main()
