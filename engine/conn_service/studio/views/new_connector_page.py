"""A new connector from a document, curl commands or a sample answer: what is proposed, and the files of what is
accepted. No model is called, and nothing is sent."""

import hashlib
import json
import re
import secrets
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from conn_engine.analysis.submissions.demands import find_demands
from conn_engine.config import Effective, load_workspace
from conn_engine.documents import Document, parse, write_whole
from conn_engine.documents.edits import drop_value, put_value
from conn_engine.errors import ConfigurationError, ConnError, ExpressionError, UsageError
from conn_engine.expressions import expression
from conn_engine.lint.models import load_models
from conn_engine.personal.pseudonyms import Pseudonyms
from conn_engine.secrets.wary_redaction import WaryRedactor
from conn_engine.testing.personal import PersonalData, save_without_personal_data
from conn_engine.updates.adding import NAME, check_connector, import_connector, list_files
from conn_engine.wire import MACHINE_CLOCK
from conn_import import (
    ImportedConnector,
    ImportedDocument,
    Options,
    fold_losses,
    import_source,
    propose_name,
    read_curl,
    read_source,
)
from conn_service.studio.drafts import StudioWorkspace
from conn_service.studio.views.page_request import PageRequest

__all__ = ["save_connector", "show_new_connector", "show_proposal"]

_NOTE = re.compile(r"# (?P<confidence>[01]\.\d\d): (?P<evidence>.*)$")
_GUESS = re.compile(r"^(?P<setting>.*?)\s*# guess[:,]? ?(?P<why>.*)$")
_MOST_SOURCES = 4
_MOST_LOSSES = 12
_LIKELY = 0.6
"""The confidence from which a field is accepted unless the author decides otherwise."""


@dataclass(frozen=True, slots=True)
class _Source:
    """What an author has pasted, and what it is for."""

    text: str
    url: str
    name: str
    model: str
    only: str
    account: str


def show_new_connector(studio: StudioWorkspace, request: PageRequest) -> dict[str, Any]:
    """Return the models that can be mapped to."""
    return {"models": sorted(load_models(tuple(studio.saved.models))), "saves": request.context.saves}


def show_proposal(studio: StudioWorkspace, request: PageRequest) -> dict[str, Any]:
    """Return what a document gives: operations, guesses with their reasons, and fields with confidence and evidence."""
    source = _read_form(request)
    key = hashlib.sha256(repr(source).encode()).hexdigest()
    studio.sources[key] = source
    while len(studio.sources) > _MOST_SOURCES:
        studio.sources.pop(next(iter(studio.sources)))
    imported = _import(studio, source)
    proposed = _read_proposed(imported, source.model)
    return {
        "key": key,
        "saves": request.context.saves,
        **_describe_demands(studio, imported),
        "source": source,
        "name": imported.name,
        "account": source.account or (imported.name if request.context.saves == "file" else ""),
        "format": imported.format,
        "operations": imported.operations,
        "found": imported.found,
        "unused": imported.list_unused_resources(),
        "recordings": len(imported.recordings),
        "observed": imported.observed,
        "guesses": list(_list_guesses(imported.files["connector.yaml"])),
        "connector": imported.files["connector.yaml"],
        "resources": [] if proposed is None else list(_list_resources(proposed)),
        "losses": fold_losses(imported.losses)[:_MOST_LOSSES],
    }


def save_connector(studio: StudioWorkspace, request: PageRequest) -> dict[str, Any]:
    """Write the connector with the accepted fields, and an account to look at it, or return what a service saves.
    Raises UsageError for an expression that does not compile, or if the connector exists."""
    source = studio.sources.get(request.query.get("key", ""))
    if source is None:
        raise UsageError("the proposal is too old", hint="paste the document again")
    account = request.query.get("account", "").strip()
    if account and not NAME.fullmatch(account):
        raise UsageError(f'"{account}" is not a name for an account', hint="use lower-case letters, digits, - and _")
    imported = _import(studio, source)
    proposed = _read_proposed(imported, source.model)
    first = ""
    if proposed is not None:
        accepted = _accept(proposed, request.query)
        imported.files[proposed.file] = accepted.text
        first = next((one["name"] for one in _list_resources(accepted) if "list" in one["operations"]), "")
    location = f"/recordings?connector={quote(imported.name)}"
    if account and first:
        location = f"/edit/{quote(account)}/{quote(f'{source.model}.{first}.list')}"
    if request.context.saves == "revision":
        files = _collect_files(studio, imported)
        made = {
            "connector": imported.name,
            "files": files,
            "account": account,
            "reason": request.query.get("reason", ""),
        }
        return {"location": location, "saves": made}
    import_connector(studio.root, imported.name, imported.write)
    effective = load_workspace(studio.root).effective(account=None, connector=imported.name)
    _record(studio.root / "connectors" / imported.name, effective, imported)
    if account and not studio.saved.has_account(account):
        text = f"connector: {imported.name}\n"
        write_whole(studio.root / "accounts" / f"{account}.yaml", text, within=studio.root)
    return {"location": location}


def _load_imported(studio: StudioWorkspace, imported: ImportedConnector) -> Effective:
    """Return the configuration of a connector that is not saved."""
    texts = {f"connectors/{imported.name}/{name}": text for name, text in imported.files.items()}
    return studio.saved.with_texts(texts).effective(account=None, connector=imported.name)


def _describe_demands(studio: StudioWorkspace, imported: ImportedConnector) -> dict[str, Any]:
    """Return the hosts that the connector sends requests to, and the environment variables that it reads, or why they
    are not known."""
    try:
        demands = find_demands(_load_imported(studio, imported))
    except ConnError as error:
        return {"hosts": [], "environment": [], "problem": error.message}
    return {"hosts": demands.hosts, "environment": demands.environment, "problem": ""}


def _collect_files(studio: StudioWorkspace, imported: ImportedConnector) -> dict[str, str]:
    """Return the files of a connector by path in the workspace, with its recordings."""
    with tempfile.TemporaryDirectory(prefix="conn-new-") as made:
        folder = Path(made).resolve()
        imported.write(folder)
        _record(folder, _load_imported(studio, imported), imported)
        paths = list_files(folder)
        return {
            f"connectors/{imported.name}/{one.relative_to(folder).as_posix()}": one.read_text("utf-8") for one in paths
        }


def _read_form(request: PageRequest) -> _Source:
    fields = {name: request.query.get(name, "").strip() for name in ("url", "name", "model", "only", "account")}
    return _Source(request.require("source", "the document, the curl command or the answer"), **fields)


def _import(studio: StudioWorkspace, source: _Source) -> ImportedConnector:
    document = _read_document(source)
    name = source.name or propose_name(document)
    check_connector(studio.root, name)
    models = load_models(tuple(studio.saved.models))
    if source.model and source.model not in models:
        raise UsageError(f'there is no model "{source.model}"', hint=f"models: {', '.join(sorted(models))}")
    takes = document.format.takes
    options = Options(
        name,
        tuple(filter(None, (source.only,))) if "only" in takes else (),
        samples="samples" in takes,
        models={source.model: models[source.model]} if source.model and "models" in takes else {},
    )
    now = datetime.fromtimestamp(int(MACHINE_CLOCK.now()), UTC).isoformat().replace("+00:00", "Z")
    return import_source(document, options, recorded_at=now)


def _read_document(source: _Source) -> ImportedDocument:
    """Return what was pasted as a document: an answer and its URL become one exchange."""
    if not source.url and source.text.startswith("curl"):
        return read_curl(source.text)
    text = source.text
    if source.url:
        text = json.dumps(_build_exchange(source.url, source.text))
    with tempfile.TemporaryDirectory(prefix="conn-new-") as folder:
        path = Path(folder) / f"pasted{'.json' if text.startswith(('{', '[')) else '.yaml'}"
        path.write_text(text, encoding="utf-8")
        return read_source(path)


def _build_exchange(url: str, answer: str) -> dict[str, Any]:
    try:
        json.loads(answer)
    except (ValueError, RecursionError):
        raise UsageError("the sample answer is not JSON", hint="paste the complete body of the answer") from None
    request = {"method": "GET", "url": url, "headers": [], "queryString": []}
    header = {"name": "content-type", "value": "application/json"}
    content = {"mimeType": "application/json", "text": answer}
    entry = {"request": request, "response": {"status": 200, "headers": [header], "content": content}}
    return {"log": {"version": "1.2", "entries": [{"startedDateTime": "2026-01-01T00:00:00Z", **entry}]}}


def _list_guesses(text: str) -> Iterator[dict[str, str]]:
    """Yield the settings that were inferred, each with its reason."""
    for line in text.splitlines():
        match = _GUESS.match(line)
        if match is not None and match["setting"].strip():
            yield {"setting": match["setting"].strip(), "why": match["why"]}


def _read_proposed(imported: ImportedConnector, model: str) -> Document | None:
    file = f"unified/{model}.yaml"
    return parse(imported.files[file], file) if file in imported.files else None


def _list_resources(proposed: Document) -> Iterator[dict[str, Any]]:
    """Yield the proposed resources with their fields."""
    lines = proposed.text.splitlines()
    for name, settings in (proposed.data.get("resources") or {}).items():
        place = ("resources", name)
        mapping = settings.get("response_mapping")
        yield {
            "name": name,
            **_read_note(lines[proposed.key_span(place).line - 1]),
            "operations": [key for key, value in settings.items() if key not in _MAPPINGS and isinstance(value, dict)],
            "fields": [
                {
                    "name": field,
                    "expression": text,
                    **_read_note(lines[proposed.key_span((*place, "response_mapping", field)).line - 1]),
                }
                for field, text in (mapping if isinstance(mapping, dict) else {}).items()
                if isinstance(text, str)
            ],
        }


_MAPPINGS = frozenset({"response_mapping", "request_body_mapping"})


def _read_note(line: str) -> dict[str, Any]:
    match = _NOTE.search(line)
    confidence = float(match["confidence"]) if match is not None else 0.0
    evidence = match["evidence"] if match is not None else ""
    return {"confidence": confidence, "evidence": evidence, "is_likely": confidence >= _LIKELY}


def _accept(proposed: Document, form: Mapping[str, str]) -> Document:
    """Return the mapping with the fields that the form keeps, with its expressions."""
    document = proposed
    for resource in list(_list_resources(proposed)):
        for field in resource["fields"]:
            key, path = f"{resource['name']}.{field['name']}", ("resources", resource["name"], "response_mapping")
            text = form.get(f"expression.{key}", "").strip()
            if form.get(f"keep.{key}") != "yes" or not text:
                changed = drop_value(document, (*path, field["name"]))
            else:
                _check(key, text)
                changed = put_value(document, (*path, field["name"]), text)
            document = parse(changed, proposed.file)
    return document


def _check(key: str, text: str) -> None:
    try:
        expression(text)
    except ExpressionError as error:
        raise UsageError(f"{key}: {error.message}", hint=error.hint or "correct the expression") from None


def _record(folder: Path, effective: Effective, imported: ImportedConnector) -> None:
    """Write the recordings of a sample answer into the folder of a connector, with pseudonyms instead of personal
    data."""
    if not imported.observed:
        return
    personal = PersonalData(Pseudonyms(secrets.token_bytes(32)))
    for recording in imported.recordings:
        path = folder / "recordings" / f"{recording.operation}.json"
        name = effective.resolve(recording.operation, raw=True)
        with suppress(ConfigurationError):  # personal data that cannot be replaced: the connector exists without it
            save_without_personal_data(path, effective, name, recording, personal, WaryRedactor(), within=folder)
