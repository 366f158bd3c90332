"""Manifests of Airbyte's low-code CDK. The state that the first run emits is passed to the second."""

import logging
from collections.abc import Iterator
from typing import Any

import yaml
from airbyte_cdk.models import (
    AirbyteStateMessage,
    ConfiguredAirbyteCatalog,
    ConfiguredAirbyteStream,
    DestinationSyncMode,
    SyncMode,
    Type,
)
from airbyte_cdk.sources.declarative.concurrent_declarative_source import ConcurrentDeclarativeSource

from benchmarks.peers.brevity_course import Chapter, report

logging.disable(logging.CRITICAL)
logger = logging.getLogger("airbyte")


def read(chapter: Chapter) -> Iterator[tuple[str, list[str]]]:
    manifest = yaml.safe_load(chapter.file.read_text("utf-8"))
    config = chapter.work["credentials"]
    state: list[AirbyteStateMessage] = []
    for listing, result in chapter.reads:
        source: Any = ConcurrentDeclarativeSource(catalog=None, config=config, state=state, source_config=manifest)
        stream = next(one for one in source.discover(logger, config).streams if one.name == listing)
        mode = SyncMode.incremental if chapter.name == "changes" else SyncMode.full_refresh
        configured = ConfiguredAirbyteStream(
            stream=stream, sync_mode=mode, destination_sync_mode=DestinationSyncMode.append
        )
        messages = list(source.read(logger, config, ConfiguredAirbyteCatalog(streams=[configured]), state))
        state = [message.state for message in messages if message.type == Type.STATE][-1:]
        yield result, [message.record.data["id"] for message in messages if message.type == Type.RECORD]


report(read)
