"""Reads one stream with the CDK, sent to the loopback server: no cache, no pauses, time stands still."""

import logging
import threading
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import requests
from airbyte_cdk.models import (
    AirbyteStateMessage,
    AirbyteStateMessageSerializer,
    ConfiguredAirbyteCatalog,
    ConfiguredAirbyteStream,
    DestinationSyncMode,
    SyncMode,
    Type,
)
from airbyte_cdk.sources.declarative.concurrent_declarative_source import ConcurrentDeclarativeSource

from differential.peer.service import ORIGIN

__all__ = ["Reading", "read", "redirect"]

_send = requests.adapters.HTTPAdapter.send
_sleep = time.sleep
_logger = logging.getLogger("airbyte")


def redirect(port: int) -> None:
    """Send every request of this process to the loopback server, with the origin it was meant for in a header."""

    def send(self: Any, request: requests.PreparedRequest, *arguments: Any, **options: Any) -> requests.Response:
        meant = str(request.url)
        parts = urlsplit(meant)
        request.url = parts._replace(scheme="http", netloc=f"127.0.0.1:{port}").geturl()
        request.headers[ORIGIN] = f"{parts.scheme}://{parts.netloc}"
        try:
            response = _send(self, request, *arguments, **options)
        finally:
            request.url = meant
            del request.headers[ORIGIN]
        response.url = meant
        return response

    requests.adapters.HTTPAdapter.send = send  # type: ignore[method-assign]
    time.sleep = lambda seconds: _sleep(min(seconds, 0.001))


class Reading(Exception):
    """The CDK cannot read the stream; the message says why."""


def _single(manifest: Mapping[str, Any], stream: Mapping[str, Any]) -> dict[str, Any]:
    kept = {key: manifest[key] for key in ("version", "type", "spec") if manifest.get(key)}
    check = {"type": "CheckStream", "stream_names": [stream["name"]]}
    return {**kept, "check": check, "streams": [stream]}


def read(
    manifest: Mapping[str, Any],
    stream: Mapping[str, Any],
    config: Mapping[str, Any],
    state: Any,
    *,
    retries: bool = False,
) -> tuple[list[Any], Any, str]:
    """Records, the state afterwards, and what went wrong ("" for nothing). `retries`: what fails is tried again."""
    before = [AirbyteStateMessageSerializer.load(row) for row in state or []]
    records: list[Any] = []
    after: list[AirbyteStateMessage] = []
    told: list[str] = []
    try:
        source = ConcurrentDeclarativeSource(
            catalog=None, config=dict(config), state=before, source_config=_single(manifest, stream)
        )
        source._constructor._disable_cache = True
        source._constructor._disable_retries = not retries
        described = next(one.as_airbyte_stream() for one in source.streams(config))
        incremental = SyncMode.incremental in described.supported_sync_modes
        catalog = ConfiguredAirbyteCatalog(
            streams=[
                ConfiguredAirbyteStream(
                    stream=described,
                    sync_mode=SyncMode.incremental if incremental else SyncMode.full_refresh,
                    destination_sync_mode=DestinationSyncMode.append,
                )
            ]
        )
        for message in source.read(_logger, config, catalog, before):
            if message.type == Type.RECORD and message.record is not None:
                records.append(message.record.data)
            elif message.type == Type.STATE and message.state is not None:
                after = [message.state]
            elif message.type == Type.TRACE and message.trace is not None and message.trace.error is not None:
                told.append(_last_line(message.trace.error))
    except Exception as error:
        return records, None, "; ".join(dict.fromkeys(told)) or _said(error)
    later = [AirbyteStateMessageSerializer.dump(row) for row in after] if incremental else None
    return records, later, ""


def _said(error: BaseException) -> str:
    internal = getattr(error, "internal_message", None) or ""
    return f"{type(error).__name__}: {internal or error}"[:600]


def _last_line(error: Any) -> str:
    trace = str(error.stack_trace or "").strip().splitlines()
    return f"{error.internal_message or error.message} | {trace[-1] if trace else ''}"[:600]


def within(seconds: float, work: Any) -> Any:
    """The result of `work()`; TimeoutError when it takes longer."""
    result: list[Any] = []
    thread = threading.Thread(target=lambda: result.append(work()), daemon=True)
    thread.start()
    thread.join(seconds)
    if not result:
        raise TimeoutError(f"the CDK did not end within {seconds:.0f} s")
    return result[0]
