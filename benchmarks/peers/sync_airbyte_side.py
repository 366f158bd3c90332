"""A low-code source of Airbyte's CDK with a state file, as a complete process: the records by a function as JSON lines.

The state after each checkpoint replaces the file. Arguments: the address of the listing, the file of the records, the
state file.
"""

import json
import logging
import sys
from pathlib import Path
from typing import Any

import orjson
from airbyte_cdk.models import (
    AirbyteStateBlob,
    AirbyteStateMessage,
    AirbyteStateType,
    AirbyteStreamState,
    ConfiguredAirbyteCatalog,
    ConfiguredAirbyteStream,
    DestinationSyncMode,
    StreamDescriptor,
    SyncMode,
    Type,
)
from airbyte_cdk.models.airbyte_protocol_serializers import AirbyteStateMessageSerializer
from airbyte_cdk.sources.declarative.concurrent_declarative_source import ConcurrentDeclarativeSource

from benchmarks.by_hand import hubspot_sync_row
from benchmarks.peers.airbyte_manifest import build_manifest
from benchmarks.peers.course import PAGE
from benchmarks.workloads import HUBSPOT

START = "2020-01-01T00:00:00.000Z"
INCREMENTAL = {
    "type": "DatetimeBasedCursor",
    "cursor_field": "updatedAt",
    "datetime_format": "%Y-%m-%dT%H:%M:%S.%fZ",
    "cursor_datetime_formats": ["%Y-%m-%dT%H:%M:%S.%fZ", "%Y-%m-%dT%H:%M:%SZ"],
    "start_datetime": {"type": "MinMaxDatetime", "datetime": START, "datetime_format": "%Y-%m-%dT%H:%M:%S.%fZ"},
    "start_time_option": {"type": "RequestOption", "inject_into": "request_parameter", "field_name": "updatedAfter"},
}


def main() -> None:
    """Read every record of the listing."""
    base, records, state = sys.argv[1:]
    logging.disable(logging.CRITICAL)
    logger = logging.getLogger("airbyte")
    manifest = build_manifest(base, HUBSPOT, PAGE)
    manifest["streams"][0]["incremental_sync"] = INCREMENTAL
    before = _read_state(Path(state))
    source = ConcurrentDeclarativeSource(catalog=None, config={}, state=before, source_config=manifest)
    stream = source.discover(logger, {}).streams[0]
    chosen = ConfiguredAirbyteStream(
        stream=stream, sync_mode=SyncMode.incremental, destination_sync_mode=DestinationSyncMode.append_dedup
    )
    with Path(records).open("wb") as file:
        for message in source.read(logger, {}, ConfiguredAirbyteCatalog(streams=[chosen]), before):
            if message.type == Type.RECORD and message.record is not None:
                file.write(orjson.dumps(hubspot_sync_row(message.record.data)) + b"\n")
            elif message.type == Type.STATE and message.state is not None:
                file.flush()
                Path(state).write_bytes(orjson.dumps(AirbyteStateMessageSerializer.dump(message.state)))


def _read_state(file: Path) -> list[Any]:
    if file.exists():
        return [AirbyteStateMessageSerializer.load(json.loads(file.read_text("utf-8")))]
    blob = AirbyteStateBlob({"updatedAt": START})
    stream = AirbyteStreamState(stream_descriptor=StreamDescriptor(name="contacts"), stream_state=blob)
    return [AirbyteStateMessage(type=AirbyteStateType.STREAM, stream=stream)]


main()
