"""A low-code source of Airbyte's CDK. It only fetches: the records are mapped by the hand-written mapping, which is
faster than the CDK's own transformations (Jinja templates)."""

import logging
from collections.abc import Iterator
from typing import Any

from airbyte_cdk.models import (
    ConfiguredAirbyteCatalog,
    ConfiguredAirbyteStream,
    DestinationSyncMode,
    SyncMode,
    Type,
)
from airbyte_cdk.sources.declarative.concurrent_declarative_source import ConcurrentDeclarativeSource

from benchmarks.peers.airbyte_manifest import build_manifest
from benchmarks.peers.course import PAGE, Course

course = Course()
logging.disable(logging.CRITICAL)
manifest = build_manifest(course.base, course.workload, PAGE)


def pages() -> Iterator[list[dict[str, Any]]]:
    source = ConcurrentDeclarativeSource(catalog=None, config={}, state=None, source_config=manifest)
    stream = source.discover(logging.getLogger("airbyte"), {}).streams[0]
    catalog = ConfiguredAirbyteCatalog(
        streams=[
            ConfiguredAirbyteStream(
                stream=stream, sync_mode=SyncMode.full_refresh, destination_sync_mode=DestinationSyncMode.overwrite
            )
        ]
    )
    page: list[Any] = []
    for message in source.read(logging.getLogger("airbyte"), {}, catalog, []):
        if message.type == Type.RECORD and message.record is not None:
            page.append(message.record.data)
            if len(page) == PAGE:
                yield course.mapped(page)
                page = []
    yield course.mapped(page)


course.measure(pages)
