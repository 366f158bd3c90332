"""The process beside the CDK: takes commands as JSON lines on standard input, answers each with one line.

`open` a manifest, `read` one of its streams with the CDK, `serve` the stream for the other side, tell what was `asked`.
"""

import json
import logging
import os
import sys
from pathlib import Path
from typing import Any

import time_machine
from airbyte_cdk.sources.declarative.parsers.manifest_component_transformer import ManifestComponentTransformer
from airbyte_cdk.sources.declarative.parsers.manifest_reference_resolver import ManifestReferenceResolver
from airbyte_cdk.utils.yaml_loader import safe_load_yaml

from differential.peer import configs, endpoints, reading
from differential.peer.moment import NOW, length, span
from differential.peer.service import Fault, Service

SECONDS = 40.0


class Worker:
    """State between commands: the manifest, its resolved streams, a config."""

    def __init__(self) -> None:
        self.service = Service()
        reading.redirect(self.service.port)
        self.manifest: dict[str, Any] = {}
        self.streams: dict[str, dict[str, Any]] = {}
        self.config: dict[str, Any] = {}

    def open(self, path: str) -> dict[str, Any]:
        """Resolve a manifest. Answers its streams (with the Python classes they need) and a config."""
        text = Path(path).read_text(encoding="utf-8")
        raw = safe_load_yaml(text)
        raw.setdefault("type", "DeclarativeSource")
        resolved = ManifestReferenceResolver().preprocess_manifest(raw)
        self.manifest = _with_schemas(ManifestComponentTransformer().propagate_types_and_parameters("", resolved, {}))
        self.streams = {}
        for stream in self.manifest.get("streams") or []:
            self.streams.setdefault(
                str(stream.get("name") or stream.get("full_refresh_stream", {}).get("name")), stream
            )
        self.span = span(_steps(self.manifest.get("streams")))
        spec = configs.spec_of(self.manifest)
        forms = configs.forms_of(self.manifest.get("streams"))
        self.config = configs.Settings(text, forms, self.span).object(spec)
        needs = {name: endpoints.custom(stream) for name, stream in self.streams.items()}
        dynamic = len(self.manifest.get("dynamic_streams") or [])
        return {"streams": needs, "config": self.config, "dynamic": dynamic, "port": self.service.port}

    def _prepare(self, stream: str) -> list[str]:
        config = self.config
        found = endpoints.endpoints_of(self.streams[stream], config)
        return self.service.prepare(found, self.span, _secrets(config))

    def serve(self, stream: str) -> dict[str, Any]:
        """Answer this stream from now on; no requests yet. Returns what the manifest declares about windows."""
        unplanned = self._prepare(stream)
        step = (self.streams[stream].get("incremental_sync") or {}).get("step")
        return {"unplanned": unplanned, "windows": bool(step), "told": self.service.told}

    def forget(self) -> dict[str, Any]:
        """Nothing asked yet, the same answers."""
        self.service.forget()
        return {}

    def refuse(self, status: int, request: list[Any], times: int) -> dict[str, Any]:
        """Refuse one request (base, window, page) of the served stream with a status, always (0) or N times."""
        base, window, page = request
        self.service.refuse(Fault(status, (base, (window[0], window[1]), page), times))
        return {}

    def read(self, stream: str, state: Any = None, *, retries: bool = False) -> dict[str, Any]:
        """Read a served stream with the CDK."""
        self.service.forget()
        config = self.config
        work = lambda: reading.read(self.manifest, self.streams[stream], config, state, retries=retries)  # noqa: E731
        records, after, error = reading.within(SECONDS, work)
        return {"records": records, "state": after, "error": error, **self.asked()}

    def asked(self) -> dict[str, Any]:
        """What was asked since the last `serve`, `forget` or `read`."""
        requests = [seen.plain() for seen in self.service.asked]
        return {"requests": requests, "unknown": self.service.unknown}


def _with_schemas(data: Any) -> Any:
    """The same, with an empty schema in the place of one in another file, which is not at hand."""
    if isinstance(data, dict):
        if data.get("type") == "JsonFileSchemaLoader":
            return {"type": "InlineSchemaLoader", "schema": {"type": "object", "properties": {}}}
        return {name: _with_schemas(inner) for name, inner in data.items()}
    return [_with_schemas(inner) for inner in data] if isinstance(data, list) else data


def _steps(data: Any) -> list[Any]:
    found: list[Any] = []
    if isinstance(data, dict):
        step = length(data.get("step")) if data.get("type") == "DatetimeBasedCursor" else None
        found += [step] if step else []
        for name, inner in data.items():
            found += _steps(inner) if name != "schema" else []
    elif isinstance(data, list):
        for inner in data:
            found += _steps(inner)
    return found


def _secrets(config: Any) -> list[str]:
    if isinstance(config, str):
        return [config] if config.startswith("secret-") else []
    rows = config.values() if isinstance(config, dict) else config if isinstance(config, list) else ()
    return [secret for row in rows for secret in _secrets(row)]


def main() -> None:
    """Obey until standard input ends."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # the CDK prints messages: not among the answers
    logging.disable(logging.CRITICAL)
    with time_machine.travel(NOW, tick=False):
        worker = Worker()
        for line in sys.stdin:
            command = json.loads(line)
            try:
                answer = getattr(worker, command.pop("do"))(**command)
            except Exception as error:
                answer = {"failed": f"{type(error).__name__}: {error}"[:2000]}
            out.write(json.dumps(answer, default=str) + "\n")
            out.flush()


if __name__ == "__main__":
    main()
