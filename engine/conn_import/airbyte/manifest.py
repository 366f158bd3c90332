"""A whole manifest as a finished connector: reading twice (secrets get their names in between), then what its
operations have in common goes up to the connector."""

import json
from collections import Counter
from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

from conn_engine.config.host_patterns import host_pattern
from conn_engine.errors import ConfigurationError
from conn_import.airbyte.budgets import rate_limit_of
from conn_import.airbyte.credentials import NONE, Logins
from conn_import.airbyte.errors import DEFAULT_RULES, reachable
from conn_import.airbyte.notes import Notes
from conn_import.airbyte.resolving import PARAMETERS, Resolver, component
from conn_import.airbyte.settings import Settings
from conn_import.airbyte.streams import Stream, Streams
from conn_import.beside import Beside
from conn_import.contract import Finished, Losses, Options
from conn_import.lists import listing
from conn_import.words import plain, snake

__all__ = ["LABEL", "finished"]

LABEL = "low-code manifest"
_MOST_HOSTS = 200
_PLACEHOLDER = "api.example.com"


def finished(manifest: Mapping[str, Any], options: Options) -> Finished:
    """The connector of a manifest. Raises ConfigurationError where its references cannot be resolved."""
    resolver = Resolver(manifest)
    components = _components(manifest, resolver)
    specification = resolver.resolved(manifest.get("spec")) or _spec_beside(options.beside)
    asked = specification.get("connection_specification") if isinstance(specification, Mapping) else None
    settings = Settings(asked)
    source = {"spec": specification}
    streams = _read_to_the_end(components, settings, source, options.beside)
    losses = streams.losses
    made = Finished(
        format=_format(manifest),
        title=_title(manifest, options),
        data={},
        losses=losses,
        found=len(components),
    )
    _rest(manifest, Notes(losses))
    for name in settings.opened():
        losses.add("that a value is secret: it stands in URLs, where nothing is", name)
    kept = _chosen(streams, options, made)
    if options.base_url:
        _place(kept, options.base_url.rstrip("/"), losses)
    made.data = _connector(
        manifest, specification, resolver.resolved(manifest.get("api_budget")), options, streams, kept, Notes(losses)
    )
    for stream in kept:
        made.operations.append((stream.operation, f"{stream.row['method'].upper()} {stream.row.get('path', '')}"))
        if stream.schema is not None:
            made.files[f"schemas/{stream.resource}.schema.json"] = stream.schema
    for setting in settings.by_place.values():
        if setting.used:
            made.supplied[setting.text] = (
                ("credential", setting.secret_name) if setting.secret else ("context", setting.name)
            )
    return made


def _format(manifest: Mapping[str, Any]) -> str:
    version = plain(manifest.get("version") or "", 20)
    return f"{LABEL} {version}".strip()


def _title(manifest: Mapping[str, Any], options: Options) -> str:
    return options.name.replace("_", " ").replace("-", " ").title()


def _components(manifest: Mapping[str, Any], resolver: Resolver) -> list[Any]:
    own = manifest.get(PARAMETERS)
    parameters = own if isinstance(own, dict) else {}
    found: list[Any] = []
    for key in ("streams", "dynamic_streams"):
        rows = resolver.resolved(manifest.get(key))
        for one in rows if isinstance(rows, list) else ():
            if not isinstance(one, dict):
                raise ConfigurationError(f"the manifest has an entry under {key} that is no stream")
            if one.get("type") == "ConditionalStreams":
                found += [
                    component(inner, "DeclarativeSource.streams", parameters) for inner in listing(one.get("streams"))
                ]
            else:
                found.append(component(one, "DeclarativeSource.streams", parameters))
    return found


def _spec_beside(beside: Beside) -> Any:
    """What a user is asked for, of a manifest that leaves it to a file."""
    found = beside.read("spec.yaml", "spec.json", "spec.yml")
    if not isinstance(found, Mapping):
        return None
    renamed = {"connectionSpecification": "connection_specification", "documentationUrl": "documentation_url"}
    return {renamed.get(str(key), str(key)): value for key, value in found.items()}


def _read_to_the_end(components: list[Any], settings: Settings, source: Mapping[str, Any], beside: Beside) -> Streams:
    """The streams, read again until it is known which settings are secret, and once more with their names."""
    named = False
    while True:
        streams = Streams(settings, Logins(settings, source), Losses(), beside)
        for one in components:
            streams.add(one)
        if named:
            return streams
        if not settings.changes():
            streams.logins.name_secrets()
            named = True
        settings.restart()


def _chosen(streams: Streams, options: Options, made: Finished) -> list[Stream]:
    """The operations that are asked for, and the parents that they need."""
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
        for name in _needed(streams.made[waiting.pop()].row.get("parents")):
            if name in streams.made and name not in wanted:
                wanted.add(name)
                waiting.append(name)
    made.left = len(everything) - len(wanted)
    kept = {stream.name for stream in everything if stream.resource in wanted}
    left = {stream.name for stream in everything} - kept
    made.losses.forget(lambda place: place in left)
    return [stream for stream in everything if stream.resource in wanted]


def _place(kept: list[Stream], base: str, losses: Losses) -> None:
    """Let every stream have the base URL that the caller gives."""
    usual = Counter(stream.request.base_url for stream in kept).most_common(1)
    for stream in kept:
        if stream.request.base_url != usual[0][0]:
            losses.add("its own base URL: --base-url stands for it", stream.name)
        stream.request.base_url, stream.request.open_host = base, False
        stream.request.hosts = [host for host in [host_pattern(base)] if host]


def _needed(parents: Any) -> list[str]:
    found: list[str] = []
    for source in parents if isinstance(parents, list) else [parents] if parents else []:
        for one in (source, *source.get("union", [])):
            if "from" in one:
                found.append(one["from"].partition(".")[0])
    return found


def _connector(  # noqa: PLR0917
    manifest: Mapping[str, Any],
    specification: Any,
    budget: Any,
    options: Options,
    streams: Streams,
    kept: list[Stream],
    notes: Notes,
) -> dict[str, Any]:
    data: dict[str, Any] = {"name": options.name, "label": _title(manifest, options)}
    url = specification.get("documentation_url") if isinstance(specification, Mapping) else None
    description = plain(str(manifest.get("description") or "").partition("\n\n")[0], 200)
    if description:
        data["description"] = description
    if isinstance(url, str) and url.startswith("https://") and len(url) < 300:
        data["docs_url"] = url
    bases = Counter(stream.request.base_url for stream in kept)
    base = max(bases, key=lambda one: bases[one]) if bases else f"https://{_PLACEHOLDER}"
    data["base_url"] = base
    fields = streams.settings.fields()
    if fields:
        data["fields"] = fields
    hosts = _hosts(kept, streams.logins.hosts(), notes)
    if hosts:
        data["hosts"] = hosts
    credentials, authorization = streams.logins.settled(notes)
    data["credentials"], data["authorization"] = credentials, _configured(authorization)
    limit = rate_limit_of(budget, notes)
    if limit:
        data["rate_limit"] = limit
    shared = {key: _shared(kept, key) for key in ("headers", "errors", "pagination")}
    for key, value in shared.items():
        if value is not None:
            data[key] = value
    data["errors"] = reachable([*data.get("errors", []), *DEFAULT_RULES])
    if any("parents" in stream.row or "incremental" in stream.row for stream in kept):
        data["part_failure"] = "continue"  # the kit reads every slice, then fails
    verify = _verify(manifest, streams, kept)
    if verify:
        data["verify"] = verify
    data["resources"] = {stream.resource: {"list": _row(stream, data, shared)} for stream in kept}
    _raise_authorization(data)
    return data


def _raise_authorization(data: dict[str, Any]) -> None:
    """What every operation says of its authorization is the connector's."""
    rows = [row for resource in data["resources"].values() for row in resource.values()]
    told = rows[0].get("authorization") if rows else None
    if told is not None and all(row.get("authorization") == told for row in rows):
        data["authorization"] = told
        for row in rows:
            del row["authorization"]


def _configured(strategy: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in strategy.items() if value != {}}


def _hosts(kept: list[Stream], token_hosts: list[str], notes: Notes) -> list[str]:
    """The hosts that may get the credential, where the base URL does not say it, or not as exactly as the document."""
    patterns = {stream.request.base_url: host_pattern(stream.request.base_url) for stream in kept}
    named: list[str | None] = []
    for stream in kept:
        named += stream.request.hosts or [patterns[stream.request.base_url]]
    hosts = [*dict.fromkeys(host for host in named if host)]
    if set(hosts) == set(patterns.values()) and set(token_hosts) <= set(hosts):
        return []
    found = list(dict.fromkeys([*hosts, *token_hosts]))[:_MOST_HOSTS]
    if any(stream.request.open_host for stream in kept):
        notes.add("which hosts may get the credential: the account decides the host; list them under hosts")
        found = found or [_PLACEHOLDER]
    return found


def _shared(kept: list[Stream], key: str) -> Any:
    """What every operation says alike, if there are several."""
    values = [json.dumps(stream.row.get(key), sort_keys=True) for stream in kept]
    return kept[0].row.get(key) if len(kept) > 1 and len(set(values)) == 1 else None


def _row(stream: Stream, data: Mapping[str, Any], shared: Mapping[str, Any]) -> dict[str, Any]:
    row: dict[str, Any] = {key: stream.row[key] for key in ("description", "method", "path") if key in stream.row}
    if stream.request.base_url != data["base_url"] and stream.request.base_url:
        row["base_url"] = stream.request.base_url
    own = stream.login.authorization if stream.login is not None else data["authorization"]
    if stream.request.carried:
        first = [own] if own != NONE else []
        several = [*first, *stream.request.carried]
        own = {"format": "several", "config": {"all": several}} if len(several) > 1 else several[0]
    if _configured(own) != data["authorization"]:
        row["authorization"] = _configured(own)
    for key, value in stream.row.items():
        if key not in row and not (key in shared and shared[key] is not None):
            row[key] = value
    return row


def _verify(manifest: Mapping[str, Any], streams: Streams, kept: list[Stream]) -> str:
    """The stream by which the manifest checks a connection, when it can be asked for at once."""
    check = manifest.get("check")
    names = check.get("stream_names") if isinstance(check, Mapping) else None
    usable = [s for s in kept if "parents" not in s.row and "incremental" not in s.row and "job" not in s.row]
    for name in names if isinstance(names, list) else ():
        for stream in usable:
            if stream.name == name or stream.resource == snake(str(name)):
                return stream.operation
    return usable[0].operation if usable else ""


_CARRIED = frozenset({
    "version", "type", "check", "definitions", "streams", "dynamic_streams", "spec", "metadata", "schemas",
    "description", "api_budget",
    "concurrency_level", "max_concurrent_async_job_count", PARAMETERS,
})  # fmt: skip


def _rest(manifest: Mapping[str, Any], notes: Notes) -> None:
    if "concurrency_level" in manifest or "max_concurrent_async_job_count" in manifest:
        notes.add("how many requests or jobs run at the same time")
    for key in manifest:
        if key not in _CARRIED:
            notes.add(f"the manifest's {plain(key, 60)}")
    spec = manifest.get("spec")
    if isinstance(spec, Mapping) and spec.get("config_normalization_rules"):
        notes.add("rules that change or check an account's settings (config_normalization_rules)")
