"""Import vendors' own documents (OpenAPI, Postman, HAR, provider entries, manifests) as connectors.

`read_source` limits and parses a document. Its format returns a `Contract`, which `build` completes with names and
guesses, or a `FinishedConnector`. `writing` and `samples` create the files. Nothing is fetched: the document is the
only source.
"""

import re
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from conn_engine.analysis.drift.contract import Endpoint
from conn_engine.diagnostics import Diagnostic, did_you_mean
from conn_engine.documents import parse, write_whole
from conn_engine.documents.files import read_text
from conn_engine.errors import ConfigurationError, UsageError
from conn_engine.recordings.files import Recording, save_recording
from conn_engine.secrets.wary_redaction import WaryRedactor
from conn_import import openapi, schemas
from conn_import.build import build_connector
from conn_import.contract import Contract, FinishedConnector, Options, index_endpoints
from conn_import.contract_file import CONTRACT_FILE, find_not_offered, format_contract
from conn_import.folding import fold_losses
from conn_import.formats import Format, formats
from conn_import.lint_errors import add_lint_errors
from conn_import.neighbor_files import NeighborFiles
from conn_import.samples import SampleScenario, build_samples, build_scenarios
from conn_import.secrecy import without_tokens
from conn_import.servers import is_usable_url
from conn_import.words import clean_text
from conn_import.writing import format_connector, format_readme

__all__ = [
    "MAX_SOURCE",
    "ImportedConnector",
    "ImportedDocument",
    "Options",
    "SampleScenario",
    "fold_losses",
    "import_source",
    "list_entries",
    "propose_name",
    "read_curl",
    "read_source",
]

MAX_SOURCE = 64 * 1024 * 1024
"""Largest document that is read, in bytes."""

MAX_NODES = 3_000_000
_SUFFIXES = frozenset({".yaml", ".yml", ".json", ".har"})
"""Suffixes of YAML and JSON files. In such a file, a syntax error is reported with its line."""
_DULL = frozenset({
    "api", "apis", "collection", "openapi", "rest", "spec", "specification", "the", "v1", "v2", "v3",
})  # fmt: skip
_PLAIN_FILES = frozenset({schemas.FILE, CONTRACT_FILE})
"""Files with digests or names of properties, which look like tokens, but with no value of the document."""
_CREATED = "2026-01-01T00:00:00Z"


@dataclass(frozen=True, slots=True)
class ImportedDocument:
    """A parsed document. `file` is its name without folders, and `folder` is where files next to it are read.
    `repeated` has the findings for duplicate keys; the last value of each was read. `digest` is that of its text, and
    `origin` the address that it was fetched from, or "".
    """

    file: str
    data: Any
    format: Format
    folder: Path | None = None
    repeated: tuple[Diagnostic, ...] = ()
    digest: str = ""
    origin: str = ""


@dataclass(slots=True)
class ImportedConnector:
    """An import before it is written: `files` by name, the recordings, and what the summary reports. `left` counts the
    operations that `only` excluded, and `unused` has those that no proposed mapping uses, with their requests.

    `supplied` says where an account has the values that the document's settings name, as in `FinishedConnector`.
    `observed` is set if recordings contain real responses, which may contain personal data. `proposed` counts the
    proposed fields of unified mappings by model. `scenarios` has further responses of the document, and `endpoints`
    what it describes, by method and normalized path. `digest` and `origin` are the document's.
    """

    name: str
    format: str
    files: dict[str, str]
    recordings: list[Recording]
    operations: int
    resources: int
    found: int
    guesses: int
    left: int
    unused: list[tuple[str, str]] = field(default_factory=list)
    losses: list[tuple[str, list[str]]] = field(default_factory=list)
    supplied: dict[str, tuple[str, str]] = field(default_factory=dict)
    observed: bool = False
    proposed: dict[str, int] = field(default_factory=dict)
    scenarios: list[SampleScenario] = field(default_factory=list)
    endpoints: dict[tuple[str, str], Endpoint] = field(default_factory=dict)
    digest: str = ""
    origin: str = ""

    def list_unused_resources(self) -> list[str]:
        """List the vendor's resources that were left out, in the document's order."""
        return list(dict.fromkeys(operation.partition(".")[0] for operation, _ in self.unused))

    def write(self, folder: Path) -> None:
        """Write all files into a folder, and the recordings unless they were observed. Raises ConfigurationError."""
        for name, text in self.files.items():
            write_whole(folder / name, text, within=folder)
        for recording in () if self.observed else self.recordings:
            place = folder / "recordings" / f"{recording.operation}.json"
            save_recording(place, recording, WaryRedactor(), within=folder)


def read_source(path: Path, shown: str = "") -> ImportedDocument:
    """Read a document, or the folder of a Bruno collection, and recognize its format. Errors call it `shown` (default:
    its name).

    Raises ConfigurationError if it cannot be read or its format is unknown.
    """
    if path.is_dir() or path.suffix.lower() == ".bru":
        return _read_bruno(path, shown or path.name)
    text = read_text(path, shown or path.name, limit=MAX_SOURCE)
    known = formats()
    labels = ", ".join(one.label for one in known)
    try:
        repeated: list[Diagnostic] = []
        document = parse(text, path.name, max_bytes=MAX_SOURCE, max_nodes=MAX_NODES, repeated=repeated)
    except ConfigurationError:
        if path.suffix.lower() in _SUFFIXES:
            raise
        raise ConfigurationError(
            f"{path.name} is not in a format that can be imported: it is neither YAML nor JSON",
            hint=f"pass a file in one of these formats: {labels}",
        ) from None
    for one in known:
        if one.recognizes(document.data):
            digest = f"sha256:{sha256(path.read_bytes()).hexdigest()}"
            return ImportedDocument(path.name, document.data, one, path.parent, tuple(repeated), digest)
    keys = list(document.data)[:6] if isinstance(document.data, dict) else []
    shown = f": its keys are {clean_text(', '.join(map(str, keys)), 120)}" if keys else ""
    raise ConfigurationError(
        f"{path.name} is not in a format that can be imported{shown}",
        hint=f"pass a file in one of these formats: {labels}",
    )


def _read_bruno(path: Path, shown: str) -> ImportedDocument:
    from conn_import import bruno

    data = bruno.read_collection(path, shown)
    [known] = [one for one in formats() if one.label == bruno.LABEL]
    return ImportedDocument(path.resolve().name, data, known, path.parent)


def read_curl(text: str) -> ImportedDocument:
    """Read curl commands, as documentation and browsers show them.

    Raises ConfigurationError if the text has no command.
    """
    from conn_import import curl, postman

    data = curl.read_commands(text)
    return ImportedDocument(
        "curl",
        data,
        Format(curl.LABEL, postman.recognizes, curl.import_document, takes=frozenset({"only", "samples", "models"})),
    )


def list_entries(source: ImportedDocument) -> list[str]:
    """Return the keys of a document with several connectors, or an empty list for a document with one."""
    return source.format.entries(source.data)


def propose_name(source: ImportedDocument, entry: str = "") -> str:
    """Return a connector name from the entry's key, the document's title or the file name."""
    if entry:
        return re.sub(r"[^a-z0-9_-]+", "-", entry.lower()).strip("-_")[:60].strip("-_") or "imported"
    info = source.data.get("info") if isinstance(source.data, dict) else None
    title = info.get("title") or info.get("name") if isinstance(info, dict) else ""
    words = [word for word in re.findall(r"[a-z0-9]+", str(title or "").lower()[:200]) if word not in _DULL]
    if not 0 < len(words) <= 3:
        words = re.findall(r"[a-z0-9]+", Path(source.file).stem.lower())
    return "_".join(words)[:60].strip("_") or "imported"


def import_source(source: ImportedDocument, options: Options, *, recorded_at: str = _CREATED) -> ImportedConnector:
    """Create a connector from a document. Writes only a temporary folder, which is linted.

    Raises UsageError if `only` matches no operation, or if `base_url` or `entry` is invalid. Raises ConfigurationError
    if the document has no operation that can be imported.
    """
    if options.base_url and not is_usable_url(options.base_url.rstrip("/")):
        raise UsageError(
            f'"{options.base_url}" is not a base URL', hint="pass a URL such as https://api.example.com/v2"
        )
    _check_options(source, options)
    neighbors = NeighborFiles(source.folder)
    result = source.format.import_document(source.data, replace(options, neighbors=neighbors))
    recordings: list[Recording] = []
    scenarios: list[SampleScenario] = []
    endpoints: dict[tuple[str, str], Endpoint] = {}
    if isinstance(result, Contract):
        built = build_connector(result, options)
        connector = built.to_finished(result)
        connector.files |= built.proposed.format_files(source.file)
        if source.format.label == openapi.LABEL:
            endpoints = index_endpoints(result)
            connector.files[CONTRACT_FILE] = format_contract(source, find_not_offered(built.proposed, result.endpoints))
        if connector.operations and options.samples:
            recordings = build_samples(built, result, options.name, recorded_at, every=bool(options.models))
            scenarios = build_scenarios(built, result) if options.models else []
    else:
        connector = result
    if not connector.operations and not connector.bare:
        contract = result if isinstance(result, Contract) else Contract(connector.format)
        existing = [name for endpoint in contract.endpoints for name in (*endpoint.tags, endpoint.path, endpoint.name)]
        _raise_for_nothing(source, connector, options, existing)
    for finding in (*source.repeated, *neighbors.repeated):
        place = f"{finding.span.file}:{finding.span.line}" if finding.span else source.file
        connector.losses.add("duplicate keys: the last value was read", f"{place} ({finding.path})")
    imported = _build_imported(connector, options.name, source.file, recordings)
    if add_lint_errors(connector.losses, options.name, imported.write):
        imported = _build_imported(connector, options.name, source.file, recordings)
    imported.scenarios, imported.endpoints = scenarios, endpoints
    imported.digest, imported.origin = source.digest, source.origin
    return imported


def _build_imported(
    connector: FinishedConnector, name: str, file: str, recordings: list[Recording]
) -> ImportedConnector:
    texts = {
        "connector.yaml": format_connector(connector, name, file),
        "README.md": format_readme(connector, name, file),
        **connector.files,
    }
    return ImportedConnector(
        name=name,
        format=connector.format,
        files={place: text if place in _PLAIN_FILES else without_tokens(text) for place, text in texts.items()},
        recordings=recordings,
        operations=len(connector.operations),
        resources=connector.resources,
        found=connector.found,
        guesses=sum(note.startswith("guess") for note in connector.notes.values()),
        left=connector.left,
        unused=connector.unused,
        losses=[(without_tokens(what), places) for what, places in connector.losses],
        supplied=connector.supplied,
        observed=connector.observed,
        proposed=connector.proposed,
    )


def _check_options(source: ImportedDocument, options: Options) -> None:
    """Refuse an option that would do nothing. Raises UsageError."""
    given = {
        "only": options.only,
        "security": options.security,
        "samples": options.samples,
        "models": options.models,
    }
    spelled = {"only": "--only", "security": "--security", "samples": "--with-samples", "models": "--model"}
    for name, value in given.items():
        if value and name not in source.format.takes:
            raise UsageError(
                f"{spelled[name]} has no effect on {source.file} ({source.format.label})",
                hint=f"remove {spelled[name]}",
            )


def _raise_for_nothing(
    source: ImportedDocument, connector: FinishedConnector, options: Options, existing: list[str]
) -> None:
    if connector.left:
        operations = "the only operation" if connector.left == 1 else f"any of the {connector.left} operations"
        near = did_you_mean(options.only[0], existing) if options.only else ""
        raise UsageError(
            f"--only {' '.join(options.only)} does not match {operations}",
            hint=near or 'pass a glob for the path, tag or operation name, such as "*/contacts*"',
        )
    reasons = "; ".join(what for what, _ in connector.losses)
    what = "no operation that can be imported" if connector.found else "no operations"
    raise ConfigurationError(f"{source.file} has {what}; nothing was written", hint=clean_text(reasons, 400))
