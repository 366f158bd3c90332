"""Record the operations of an import from the responses of its document: each operation, and its scenarios. Nothing is
sent: the engine plans the requests, and the responses are the document's."""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from conn_cli.console import App

if TYPE_CHECKING:
    from conn_engine.config import Effective, OperationName, UnifiedOperation, Workspace
    from conn_engine.recordings.files import RecordedResponse, Recording
    from conn_engine.runtime.call import Call
    from conn_import import ImportedConnector, SampleScenario

__all__ = ["SampleRecorder"]

_ORDER: Final = ("list", "get", "create", "update", "delete")
_READS: Final = ("list", "get")
_NOTE: Final = "Made from responses of the imported document, not recorded live."
_SENT: Final = re.compile(r"\bbody\.`?(\w+)")
_UPDATED_AFTER: Final = "updated_after"
_LIMIT: Final = 25


@dataclass(slots=True)
class SampleRecorder:
    """Records what an imported connector's operations do with the responses of its document.

    `failed` has the operations, or their scenarios, that cannot be recorded, with the reason, and `made` the files of
    the others.
    """

    app: App
    workspace: "Workspace"
    effective: "Effective"
    imported: "ImportedConnector"
    force: bool
    failed: dict[str, str] = field(default_factory=dict)
    made: set[Path] = field(default_factory=set)
    _records: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)

    def record(self) -> None:
        """Record the vendor's listings over several pages, and every unified operation with its scenarios."""
        samples = {recording.operation: recording for recording in self.imported.recordings}
        scenarios: dict[str, dict[str, SampleScenario]] = {}
        for scenario in self.imported.scenarios:
            scenarios.setdefault(scenario.operation, {})[scenario.scenario] = scenario
        for operation, rows in scenarios.items():
            if "several_pages" in rows and operation in samples:
                self._record_pages(operation, rows["several_pages"])
        unified = sorted(self.effective.unified_operations(), key=lambda row: _get_order(row[0].method))
        for name, settings in unified:
            vendor = f"{settings.resource or name.resource}.{settings.method or name.method}"
            if vendor in samples:
                self._record_unified(name, settings, samples[vendor], scenarios.get(vendor, {}))

    def _record_pages(self, operation: str, scenario: "SampleScenario") -> bool:
        """Record a vendor listing over several pages. If that fails, its recording of one page stays."""
        from conn_engine.runtime.call import Call

        name = self.effective.resolve(operation, raw=True)
        call = Call(query=scenario.call.query, params=_list_params(scenario.call.params, scenario.call.id))
        return any(
            not self._try(name, call, responses, "default", overwrite=True)
            for responses in _list_attempts(scenario.responses)
        )

    def _record_unified(
        self,
        name: "OperationName",
        settings: "UnifiedOperation",
        sample: "Recording",
        scenarios: "dict[str, SampleScenario]",
    ) -> None:
        call = self._build_call(name, sample)
        responses = [exchange.response for exchange in sample.exchanges]
        attempts = list(_list_attempts(scenarios["several_pages"].responses)) if "several_pages" in scenarios else []
        fault = ""
        for attempt in [*attempts, responses, responses[:1]]:
            fault = self._try(name, call, attempt, "default")
            if not fault:
                break
        if fault:
            self.failed[name.text] = fault
            return
        if name.method in _READS:
            self._keep_record(name)
        for scenario, row in scenarios.items():
            if scenario != "several_pages":
                self._try_scenario(name, call, row.responses, scenario)
        if name.method == "list":
            self._record_queries(name, settings, call, scenarios)

    def _record_queries(
        self,
        name: "OperationName",
        settings: "UnifiedOperation",
        call: "Call",
        scenarios: "dict[str, SampleScenario]",
    ) -> None:
        """Record a listing with the values of the query that its mapping reads."""
        from dataclasses import replace

        if "empty" not in scenarios:
            return
        mapping = json.dumps(settings.query_mapping, default=str)
        wanted = {"limit": _LIMIT, _UPDATED_AFTER: "2026-01-01T00:00:00Z"}
        for key, value in wanted.items():
            if re.search(rf"\bquery\.{key}\b", mapping):
                query = {**call.query, key: value}
                self._try_scenario(name, replace(call, query=query), scenarios["empty"].responses, f"with_{key}")

    def _try_scenario(
        self, name: "OperationName", call: "Call", responses: "Sequence[RecordedResponse]", scenario: str
    ) -> None:
        if fault := self._try(name, call, responses, scenario):
            self.failed[f"{name.text} ({scenario})"] = fault

    def _try(
        self,
        name: "OperationName",
        call: "Call",
        responses: "Sequence[RecordedResponse]",
        scenario: str,
        *,
        overwrite: bool = False,
    ) -> str:
        """Record one scenario, and return "", or why it failed. Nothing is written then."""
        from msgspec import UNSET

        from conn_engine.errors import ConnError
        from conn_engine.secrets import Redactor
        from conn_engine.testing.recording_path import find_recording_path
        from conn_engine.testing.samples import SampleResponse, record_samples
        from conn_engine.wire import Headers

        samples = [
            SampleResponse(
                f"response {number}",
                b"" if response.body is UNSET else json.dumps(response.body).encode(),
                response.status,
                Headers(response.headers),
            )
            for number, response in enumerate(responses, 1)
        ]
        path = find_recording_path(self.workspace, self.effective.connector_name, name, scenario)
        try:
            recorded = record_samples(
                self.effective,
                name,
                call,
                samples,
                path,
                clock=self.app.clock,
                redactor=Redactor(),  # it learns the synthetic credential, which goldens describe
                scenario=scenario,
                placing={"within": self.workspace.root, "overwrite": overwrite or self.force},
                source="contract",
                note=_NOTE,
            )
        except ConnError as error:
            return error.message
        if recorded.error is not None and all(response.status < 400 for response in responses):
            path.unlink(missing_ok=True)
            return recorded.error.message
        self.made.add(path)
        return ""

    def _build_call(self, name: "OperationName", sample: "Recording") -> "Call":
        from conn_engine.runtime.call import Call

        recorded = sample.call
        identifier = None if recorded.id is None else str(recorded.id)
        params = dict(recorded.params)
        query = dict(recorded.query) if name.method == "list" else {}
        if name.method not in ("create", "update"):
            return Call(query=query, id=identifier, params=params)
        return Call(query=query, id=identifier, params=params, body=self._choose_body(name))

    def _choose_body(self, name: "OperationName") -> dict[str, Any]:
        """Return a caller's body: the fields of a record that was read, as far as the request mapping reads them."""
        from conn_engine.config import lookup
        from conn_engine.documents import iterate_texts

        mappings = [lookup(self.effective.data, (*path, "request_body_mapping")) for path in (name.path[:3], name.path)]
        fields = {
            match[1]
            for mapping in mappings
            if mapping
            for _, text in iterate_texts(mapping, ())
            for match in _SENT.finditer(text)
        }
        record = self._records.get((name.model, name.resource), {})
        return {key: value for key, value in record.items() if key in fields and value is not None}

    def _keep_record(self, name: "OperationName") -> None:
        """Keep the most complete record of a reading operation, for the bodies of writes."""
        from conn_engine.recordings.files import load_recording
        from conn_engine.testing.cases import replay
        from conn_engine.testing.recording_path import find_recording_path

        path = find_recording_path(self.workspace, self.effective.connector_name, name, "default")
        outcome = replay(self.effective, name, load_recording(path))
        first = next((one for one in outcome.records if isinstance(one, dict)), None)
        known = self._records.get((name.model, name.resource))
        if first is not None and (known is None or _count_values(first) > _count_values(known)):
            self._records[name.model, name.resource] = first


def _get_order(method: str) -> int:
    return _ORDER.index(method) if method in _ORDER else len(_ORDER)


def _list_params(params: dict[str, Any], identifier: object) -> dict[str, Any]:
    return params if identifier is None else {**params, "id": str(identifier)}


def _list_attempts(responses: "Sequence[RecordedResponse]") -> "Iterator[Sequence[RecordedResponse]]":
    """Yield the responses of several pages: all, and without a last page that some listings do not ask for."""
    yield responses
    yield responses[:-1]


def _count_values(record: dict[str, Any]) -> int:
    return sum(value is not None for value in record.values())
