"""Convert a complete manifest to a connector. It is read repeatedly, until all secrets are known and named. Then
settings that all operations share move to the connector."""

import json
from collections import Counter
from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

from conn_engine.config.host_patterns import host_pattern
from conn_engine.errors import ConfigurationError
from conn_import.airbyte.budgets import build_rate_limit
from conn_import.airbyte.credentials import NONE, Logins
from conn_import.airbyte.errors import DEFAULT_RULES, drop_unreachable
from conn_import.airbyte.notes import Notes
from conn_import.airbyte.references import PARAMETERS, Resolver, complete_component
from conn_import.airbyte.settings import ManifestSettings
from conn_import.airbyte.streams import Stream, Streams
from conn_import.coercion import as_list
from conn_import.contract import FinishedConnector, Losses, Options
from conn_import.neighbor_files import NeighborFiles
from conn_import.words import clean_text, to_snake

__all__ = ["LABEL", "build_manifest_connector"]

LABEL = "low-code manifest"
_MOST_HOSTS = 200
_PLACEHOLDER = "api.example.com"


def build_manifest_connector(manifest: Mapping[str, Any], options: Options) -> FinishedConnector:
    """Build the connector of a manifest. Raises ConfigurationError if its references cannot be resolved."""
    resolver = Resolver(manifest)
    components = _list_components(manifest, resolver)
    specification = resolver.resolve(manifest.get("spec")) or _read_spec_file(options.neighbors)
    connection_specification = (
        specification.get("connection_specification") if isinstance(specification, Mapping) else None
    )
    settings = ManifestSettings(connection_specification)
    source = {"spec": specification}
    streams = _read_until_stable(components, settings, source, options.neighbors)
    losses = streams.losses
    connector = FinishedConnector(
        format=_describe_format(manifest),
        title=_build_title(manifest, options),
        data={},
        losses=losses,
        found=len(components),
    )
    _note_rest(manifest, Notes(losses))
    for name in settings.list_revealed():
        losses.add("a secret value: it is part of URLs, which are not secret", name)
    kept = _choose_streams(streams, options, connector)
    if options.base_url:
        _set_base_url(kept, options.base_url.rstrip("/"), losses)
    connector.data = _build_data(
        manifest, specification, resolver.resolve(manifest.get("api_budget")), options, streams, kept, Notes(losses)
    )
    for stream in kept:
        connector.operations.append((stream.operation, f"{stream.row['method'].upper()} {stream.row.get('path', '')}"))
        if stream.schema is not None:
            connector.files[f"schemas/{stream.resource}.schema.json"] = stream.schema
    for setting in settings.by_place.values():
        if setting.used:
            connector.supplied[setting.path] = (
                ("credential", setting.secret_name) if setting.secret else ("context", setting.name)
            )
    return connector


def _describe_format(manifest: Mapping[str, Any]) -> str:
    version = clean_text(manifest.get("version") or "", 20)
    return f"{LABEL} {version}".strip()


def _build_title(manifest: Mapping[str, Any], options: Options) -> str:
    return options.name.replace("_", " ").replace("-", " ").title()


def _list_components(manifest: Mapping[str, Any], resolver: Resolver) -> list[Any]:
    own_parameters = manifest.get(PARAMETERS)
    parameters = own_parameters if isinstance(own_parameters, dict) else {}
    collected: list[Any] = []
    for key in ("streams", "dynamic_streams"):
        rows = resolver.resolve(manifest.get(key))
        for one in rows if isinstance(rows, list) else ():
            if not isinstance(one, dict):
                raise ConfigurationError(f"the manifest has an entry under {key} that is not a stream")
            if one.get("type") == "ConditionalStreams":
                collected += [
                    complete_component(inner, "DeclarativeSource.streams", parameters)
                    for inner in as_list(one.get("streams"))
                ]
            else:
                collected.append(complete_component(one, "DeclarativeSource.streams", parameters))
    return collected


def _read_spec_file(neighbors: NeighborFiles) -> Any:
    """Read the specification from a file, for a manifest without one."""
    found = neighbors.read_first("spec.yaml", "spec.json", "spec.yml")
    if not isinstance(found, Mapping):
        return None
    renamed = {"connectionSpecification": "connection_specification", "documentationUrl": "documentation_url"}
    return {renamed.get(str(key), str(key)): value for key, value in found.items()}


def _read_until_stable(
    components: list[Any], settings: ManifestSettings, source: Mapping[str, Any], neighbors: NeighborFiles
) -> Streams:
    """Read the streams until all secret settings are known, and then again with their names."""
    named = False
    while True:
        streams = Streams(settings, Logins(settings, source), Losses(), neighbors)
        for item in components:
            streams.add(item)
        if named:
            return streams
        if not settings.apply_changes():
            streams.logins.name_secrets()
            named = True
        settings.restart()


def _choose_streams(streams: Streams, options: Options, connector: FinishedConnector) -> list[Stream]:
    """Return the operations that `only` selects, and the parents that they need."""
    everything = list(streams.made.values())
    if not options.only:
        return everything
    wanted = {
        stream.resource
        for stream in everything
        for pattern in options.only
        for text in (stream.operation, stream.resource, stream.name, str(stream.row.get("path", "")))
        if fnmatchcase(text, pattern)
    }
    waiting = list(wanted)
    while waiting:
        for name in _find_parents(streams.made[waiting.pop()].row.get("parents")):
            if name in streams.made and name not in wanted:
                wanted.add(name)
                waiting.append(name)
    connector.left = len(everything) - len(wanted)
    kept = {stream.name for stream in everything if stream.resource in wanted}
    left = {stream.name for stream in everything} - kept
    connector.losses.forget(lambda place: place in left)
    return [stream for stream in everything if stream.resource in wanted]


def _set_base_url(selected: list[Stream], base: str, losses: Losses) -> None:
    """Let every stream have the base URL that the caller gives."""
    usual = Counter(stream.request.base_url for stream in selected).most_common(1)
    for stream in selected:
        if stream.request.base_url != usual[0][0]:
            losses.add("its own base URL: --base-url replaces it", stream.name)
        stream.request.base_url, stream.request.open_host = base, False
        stream.request.hosts = [host for host in [host_pattern(base)] if host]


def _find_parents(parents: Any) -> list[str]:
    collected: list[str] = []
    for source in parents if isinstance(parents, list) else [parents] if parents else []:
        for one in (source, *source.get("union", [])):
            if "from" in one:
                collected.append(one["from"].partition(".")[0])
    return collected


def _build_data(  # noqa: PLR0917
    manifest: Mapping[str, Any],
    specification: Any,
    budget: Any,
    options: Options,
    streams: Streams,
    selected: list[Stream],
    notes: Notes,
) -> dict[str, Any]:
    data: dict[str, Any] = {"label": _build_title(manifest, options)}
    url = specification.get("documentation_url") if isinstance(specification, Mapping) else None
    description = clean_text(str(manifest.get("description") or "").partition("\n\n")[0], 200)
    if description:
        data["description"] = description
    if isinstance(url, str) and url.startswith("https://") and len(url) < 300:
        data["docs_url"] = url
    bases = Counter(stream.request.base_url for stream in selected)
    base = max(bases, key=lambda one: bases[one]) if bases else f"https://{_PLACEHOLDER}"
    data["base_url"] = base
    fields = streams.settings.list_fields()
    if fields:
        data["fields"] = fields
    hosts = _list_hosts(selected, streams.logins.list_hosts(), notes)
    if hosts:
        data["hosts"] = hosts
    credentials, authorization = streams.logins.build_credentials(notes)
    data["credentials"], data["authorization"] = credentials, _drop_empty(authorization)
    limit = build_rate_limit(budget, notes)
    if limit:
        data["rate_limit"] = limit
    shared = {key: _find_shared(selected, key) for key in ("headers", "errors", "pagination")}
    for key, value in shared.items():
        if value is not None:
            data[key] = value
    data["errors"] = drop_unreachable([*data.get("errors", []), *DEFAULT_RULES])
    if any("parents" in stream.row or "incremental" in stream.row for stream in selected):
        data["part_failure"] = "continue"  # the kit reads every slice, then fails
    verify = _choose_verify(manifest, streams, selected)
    if verify:
        data["verify"] = verify
    data["resources"] = {stream.resource: {"list": _build_row(stream, data, shared)} for stream in selected}
    _share_authorization(data)
    return data


def _share_authorization(data: dict[str, Any]) -> None:
    """Move an authorization that all operations share to the connector."""
    rows = [row for resource in data["resources"].values() for row in resource.values()]
    shared = rows[0].get("authorization") if rows else None
    if shared is not None and all(row.get("authorization") == shared for row in rows):
        data["authorization"] = shared
        for row in rows:
            del row["authorization"]


def _drop_empty(strategy: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in strategy.items() if value != {}}


def _list_hosts(selected: list[Stream], token_hosts: list[str], notes: Notes) -> list[str]:
    """Return the hosts that may receive the credential, if the base URL does not imply exactly these."""
    patterns = {stream.request.base_url: host_pattern(stream.request.base_url) for stream in selected}
    named: list[str | None] = []
    for stream in selected:
        named += stream.request.hosts or [patterns[stream.request.base_url]]
    hosts = [*dict.fromkeys(host for host in named if host)]
    if set(hosts) == set(patterns.values()) and set(token_hosts) <= set(hosts):
        return []
    found = list(dict.fromkeys([*hosts, *token_hosts]))[:_MOST_HOSTS]
    if any(stream.request.open_host for stream in selected):
        notes.add("the hosts that may receive the credential: the account sets the host, so list them under hosts")
        found = found or [_PLACEHOLDER]
    return found


def _find_shared(selected: list[Stream], key: str) -> Any:
    """Return a setting that all operations share, if there are several operations."""
    values = [json.dumps(stream.row.get(key), sort_keys=True) for stream in selected]
    return selected[0].row.get(key) if len(selected) > 1 and len(set(values)) == 1 else None


def _build_row(stream: Stream, data: Mapping[str, Any], shared: Mapping[str, Any]) -> dict[str, Any]:
    row: dict[str, Any] = {key: stream.row[key] for key in ("description", "method", "path") if key in stream.row}
    if stream.request.base_url != data["base_url"] and stream.request.base_url:
        row["base_url"] = stream.request.base_url
    own = stream.login.authorization if stream.login is not None else data["authorization"]
    if stream.request.authorizations:
        first = [own] if own != NONE else []
        several = [*first, *stream.request.authorizations]
        own = {"format": "several", "config": {"all": several}} if len(several) > 1 else several[0]
    if _drop_empty(own) != data["authorization"]:
        row["authorization"] = _drop_empty(own)
    for key, value in stream.row.items():
        if key not in row and not (key in shared and shared[key] is not None):
            row[key] = value
    return row


def _choose_verify(manifest: Mapping[str, Any], streams: Streams, selected: list[Stream]) -> str:
    """Return the stream with which the manifest checks a connection, if it can be requested directly."""
    check = manifest.get("check")
    names = check.get("stream_names") if isinstance(check, Mapping) else None
    usable = [s for s in selected if "parents" not in s.row and "incremental" not in s.row and "job" not in s.row]
    for name in names if isinstance(names, list) else ():
        for stream in usable:
            if stream.name == name or stream.resource == to_snake(str(name)):
                return stream.operation
    return usable[0].operation if usable else ""


_CARRIED = frozenset({
    "version", "type", "check", "definitions", "streams", "dynamic_streams", "spec", "metadata", "schemas",
    "description", "api_budget",
    "concurrency_level", "max_concurrent_async_job_count", PARAMETERS,
})  # fmt: skip


def _note_rest(manifest: Mapping[str, Any], notes: Notes) -> None:
    if "concurrency_level" in manifest or "max_concurrent_async_job_count" in manifest:
        notes.add("the number of concurrent requests or jobs")
    for key in manifest:
        if key not in _CARRIED:
            notes.add(f"the manifest's {clean_text(key, 60)}")
    spec = manifest.get("spec")
    if isinstance(spec, Mapping) and spec.get("config_normalization_rules"):
        notes.add("rules that change or check an account's settings (config_normalization_rules)")
