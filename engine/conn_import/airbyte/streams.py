"""Convert the streams of a manifest to operations: each one becomes `<resource>.list`."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from conn_engine.documents.pointers import set_pointer
from conn_import.airbyte.credentials import Login, Logins
from conn_import.airbyte.cursors import build_incremental, find_window_kind, find_window_names, has_effect
from conn_import.airbyte.custom import is_code, note_code, read_code
from conn_import.airbyte.dynamic import COMPONENT, build_dynamic, expand_parameters
from conn_import.airbyte.errors import build_rules
from conn_import.airbyte.jinja import Untranslatable, to_expression
from conn_import.airbyte.jobs import build_job
from conn_import.airbyte.names import ManifestPartition, TemplateScope
from conn_import.airbyte.notes import Notes
from conn_import.airbyte.pagination import build_pagination, find_page_token
from conn_import.airbyte.partitions import build_partitions
from conn_import.airbyte.properties import build_chunk
from conn_import.airbyte.records import build_filter, build_mapping, build_record_path, find_types
from conn_import.airbyte.references import PARAMETERS
from conn_import.airbyte.requests import ManifestRequest, build_request
from conn_import.airbyte.responses import LINES, build_response_format
from conn_import.airbyte.schemas import find_schema, format_schema
from conn_import.airbyte.settings import ManifestSettings
from conn_import.airbyte.templates import to_template
from conn_import.airbyte.unsupported import note_unsupported
from conn_import.coercion import as_list
from conn_import.contract import Losses
from conn_import.naming import RESERVED
from conn_import.neighbor_files import NeighborFiles
from conn_import.words import clean_text, to_identifier, to_snake

__all__ = ["Stream", "Streams"]

Row = dict[str, Any]
_SET_PLACES = {"param": "query", "header": "headers"}
_PAGE = re.compile(r"(?<![A-Za-z0-9_.`])page\.(?:number|offset|cursor|url|first)\b")
_MAX_DEPTH = 8


@dataclass(slots=True)
class Stream:
    """A stream as an operation."""

    resource: str
    name: str
    row: Row
    request: ManifestRequest
    login: Login | None
    partition: ManifestPartition | None
    notes: Notes
    schema: str | None = None

    @property
    def operation(self) -> str:
        """Its name as people write it."""
        return f"{self.resource}.list"


@dataclass(slots=True)
class Streams:
    """The operations of a manifest, including parents that are not streams."""

    settings: ManifestSettings
    logins: Logins
    losses: Losses
    neighbors: NeighborFiles = field(default_factory=lambda: NeighborFiles(None))
    made: dict[str, Stream] = field(default_factory=dict)
    _by_content: dict[str, str] = field(default_factory=dict)
    _open: list[str] = field(default_factory=list)
    _component: tuple[Row, ManifestPartition | None] | None = None

    def add(self, component: Any, *, main: bool = True) -> Stream | None:
        """Add the operation of a stream's component. An identical component is not added twice."""
        if not isinstance(component, Mapping):
            return None
        name = clean_text(component.get("name") or _get_parameter(component, "name") or "stream", 100)
        notes = Notes(self.losses, name)
        if component.get("type") == "StateDelegatingStream":
            return self._add_delegating(component, name, notes, main=main)
        if component.get("type") == "DynamicDeclarativeStream":
            return self._add_dynamic(component)
        content = json.dumps([name, component.get("retriever")], sort_keys=True, default=str)
        if (known := self._by_content.get(content)) is not None:
            return self.made.get(known)
        if content in self._open or len(self._open) > _MAX_DEPTH:
            notes.add("circular parent streams")
            return None
        self._open.append(content)
        try:
            stream = self._build_stream(component, name, notes)
        finally:
            self._open.pop()
        if stream is None:
            return None
        stream.resource = self._find_free_name(name, main=main)
        self.made[stream.resource] = stream
        self._by_content[content] = stream.resource
        return stream

    def _add_delegating(self, component: Mapping[str, Any], name: str, notes: Notes, *, main: bool) -> Stream | None:
        """Add an operation each for a stream that is read differently without a state and with one."""
        whole, changes = component.get("full_refresh_stream"), component.get("incremental_stream")
        made = None
        if isinstance(whole, Mapping):
            made = self.add({**whole, "name": name}, main=main)
        if isinstance(changes, Mapping):
            later = self.add({**changes, "name": f"{name}_changes" if made else name}, main=main)
            if made is not None and later is not None:
                notes.add(f"choosing between two ways to read a stream: use {later.operation} for runs after the first")
            made = made or later
        return made

    def _add_dynamic(self, component: Mapping[str, Any]) -> Stream | None:
        """Add the operation of a template, which repeats over the components of its streams."""
        notes = Notes(self.losses, clean_text(component.get("name") or "dynamic_streams", 100))
        made = None
        for one in expand_parameters(component, notes):
            made = self.add(one) or made
        if made is not None:
            return made
        dynamic = build_dynamic(component, notes)
        if dynamic is None:
            return None
        source: Row = {"as": COMPONENT, "key": dynamic.key}
        above: ManifestPartition | None = None
        if dynamic.retriever is not None:
            listing = {"type": "DeclarativeStream", "name": f"{dynamic.template['name']}_components"}
            parent = self.add({**listing, "retriever": dynamic.retriever}, main=False)
            if parent is None:
                return None
            source["from"], above = parent.operation, parent.partition
        else:
            try:
                source = {"as": COMPONENT, "values": to_expression(self.settings.translate(tuple(dynamic.pointer)))}
            except Untranslatable as reason:
                notes.add(f"the components of a dynamic stream: {reason}")
                return None
        self._component = (source, above)
        try:
            return self.add(dynamic.template)
        finally:
            self._component = None

    def _add_listing(self, retriever: Mapping[str, Any]) -> str | None:
        """Return the operation of a retriever without a stream."""
        stream = self.add({"type": "DeclarativeStream", "name": "properties", "retriever": retriever}, main=False)
        return stream.operation if stream is not None else None

    def _find_free_name(self, name: str, *, main: bool) -> str:
        candidate = to_identifier(to_snake(name), "stream")
        candidate = f"{candidate}_stream" if candidate in RESERVED else candidate
        base, number = candidate, 2
        while candidate in self.made:
            candidate, number = f"{base}_{number}", number + 1
        return candidate

    def _build_stream(self, component: Mapping[str, Any], name: str, notes: Notes) -> Stream | None:
        retriever = component.get("retriever")
        if not isinstance(retriever, Mapping):
            notes.add("a stream without a retriever")
            return None
        requester = retriever.get("creation_requester" if _is_job(retriever) else "requester")
        if not isinstance(requester, Mapping):
            notes.add("a stream without a requester")
            return None
        _note_code(component, retriever, requester, notes)
        scope = self._build_scope(component, retriever)
        schema = find_schema(component.get("schema_loader"), name, scope, self.neighbors, notes)
        parents = self._build_parents(retriever, scope, notes)
        request = build_request(requester, scope, notes, job=_is_job(retriever))
        login = self.logins.find_login(_add_base_url(requester), scope, notes)
        row: Row = {}
        if component.get("description"):
            row["description"] = clean_text(component["description"], 200)
        row |= request.row
        if login is not None and login.form and row["method"] != "get" and "body" not in row:
            row["body_format"] = "form"
        if parents:
            row["parents"] = parents[0] if len(parents) == 1 else parents
        self._add_reading(component, retriever, requester, row, scope, schema, notes)
        incremental = build_incremental(component.get("incremental_sync"), scope, notes)
        followed = self._keep_incremental_parents(parents, incremental is not None)
        if incremental is not None and (followed or has_effect(incremental, row)):
            row["incremental"] = incremental
        if retriever.get("ignore_stream_slicer_parameters_on_paginated_requests") is True:
            _limit_to_first_page(row)
        text = None
        if isinstance(schema, Mapping):
            text = format_schema(schema, component.get("primary_key"), scope.cursor, name)
        return Stream("", name, row, request, login, scope.partition, notes, text)

    def _build_parents(self, retriever: Mapping[str, Any], scope: TemplateScope, notes: Notes) -> list[Row]:
        """Return what the stream repeats over, and add the names to the scope."""
        component, self._component = self._component, None  # the parents' own parents have no template
        scope.component = COMPONENT if component else ""
        router = retriever.get("partition_router")
        parents, scope.partition = build_partitions(
            router, scope, self._add_parent, notes, above=component[1] if component else None
        )
        scope.coded = _is_coded(router)
        return [component[0], *parents] if component else parents

    def _add_reading(  # noqa: PLR0917
        self,
        component: Mapping[str, Any],
        retriever: Mapping[str, Any],
        requester: Mapping[str, Any],
        row: Row,
        scope: TemplateScope,
        schema: Any,
        notes: Notes,
    ) -> None:
        """Add how responses are read: chunks of a long list, format, pages, records, jobs, errors."""
        chunk = build_chunk(requester, self._add_listing, notes)
        if chunk:
            row["chunk"] = chunk["chunk"]
            row["query"] = {**row.get("query", {}), **chunk.get("query", {})}
        row |= build_response_format(retriever.get("decoder"), notes)
        self._add_pagination(retriever, row, scope, notes)
        self._add_records(component, retriever, row, scope, schema, notes)
        if _is_job(retriever):
            row["job"] = build_job(retriever, scope, notes)
        if rules := build_rules(requester.get("error_handler"), scope, notes):
            row["errors"] = rules

    def _build_scope(self, component: Mapping[str, Any], retriever: Mapping[str, Any]) -> TemplateScope:
        cursor = component.get("incremental_sync")
        parameters: dict[str, Any] = {}
        for one in (component, retriever):
            own_parameters = one.get(PARAMETERS)
            parameters |= own_parameters if isinstance(own_parameters, dict) else {}
        paginator = retriever.get("paginator")
        return TemplateScope(
            self.settings,
            parameters,
            window=find_window_names(cursor),
            window_kind=find_window_kind(cursor),
            cursor=str(cursor.get("cursor_field") or "") if isinstance(cursor, Mapping) else "",
            token=find_page_token(paginator) if isinstance(paginator, Mapping) else None,
        )

    def _keep_incremental_parents(self, parents: list[Row], incremental: bool) -> bool:
        """Return whether only changed parents are read, which requires that both have a cursor."""
        found = False
        for source in parents:
            for one in (source, *source.get("union", [])):
                if one.get("incremental"):
                    parent = self.made.get(one["from"].partition(".")[0])
                    if incremental and parent is not None and "incremental" in parent.row:
                        found = True
                    else:
                        del one["incremental"]
        return found

    def _add_parent(self, component: Any) -> tuple[str, ManifestPartition | None] | None:
        stream = self.add(component, main=False)
        return None if stream is None else (stream.operation, stream.partition)

    def _add_pagination(self, retriever: Mapping[str, Any], row: Row, scope: TemplateScope, notes: Notes) -> None:
        paginator = retriever.get("paginator")
        if not isinstance(paginator, Mapping) or note_code(paginator, "pagination", notes):
            return
        strategy = read_code(paginator.get("pagination_strategy"), "pagination", notes)
        if strategy is None:
            return
        paginator = {**paginator, "pagination_strategy": strategy}
        used = _PAGE.search(json.dumps(row)) is not None
        paging = build_pagination(paginator, scope, notes, used=used)
        if paging is None:
            return
        for place, name, node in paging.sizes:
            if place in _SET_PLACES:
                row.setdefault(_SET_PLACES[place], {}).setdefault(name, to_template(node))
            elif isinstance(row.get("body", {}), dict):
                row["body"] = set_pointer(row.get("body"), name if place == "body" else f"/{name}", to_template(node))
            else:
                notes.add("a page size in a computed body")
        if paging.settings:
            row["pagination"] = paging.settings
            _add_null_body(row)

    def _add_records(  # noqa: PLR0917
        self,
        component: Mapping[str, Any],
        retriever: Mapping[str, Any],
        row: Row,
        scope: TemplateScope,
        schema: Any,
        notes: Notes,
    ) -> None:
        selector = retriever.get("record_selector")
        if not isinstance(selector, Mapping) or note_code(selector, "selecting records", notes):
            return
        path = build_record_path(selector.get("extractor"), scope, notes)
        if row.get("response_format") == "text":
            path = LINES if not path else f"({LINES}).{path}"
        if path:
            row["response_path"] = path
        late = selector.get("transform_before_filtering") is True
        only = build_filter(selector.get("record_filter"), scope, schema, notes, "$r" if late else "record")
        if only and not late:
            row["record_filter"] = only
        normal = read_code(selector.get("schema_normalization"), "casting values to the schema", notes)
        casts = "Default" in (normal, normal.get("type") if isinstance(normal, Mapping) else "")
        transformations = [*as_list(component.get("transformations")), *as_list(selector.get("transformations"))]
        mapping = build_mapping(transformations, scope, schema, notes, only=only or "" if late else "")
        if mapping:
            row["record_mapping"] = mapping
        if casts and (types := find_types(schema)):
            row["record_types"] = types


def _add_null_body(row: Row) -> None:
    """Add a null body to a GET that requests pages in its body."""
    config = row["pagination"].get("config", {})
    form = any(key.endswith("_form") for key in config)
    if row["method"] == "get" and "body" not in row and (form or any(key.endswith("_body") for key in config)):
        row["body"] = "{{null}}"  # empty except for the page parameters
        if form:
            row["body_format"] = "form"


def _limit_to_first_page(row: Row) -> None:
    """Send the query values of a partition or a window only with the first page's request."""
    paging = row.get("pagination", {})
    parents = row.get("parents", [])
    names = [source.get("param") for source in (parents if isinstance(parents, list) else [parents])]
    config = row.get("incremental", {}).get("config", {})
    names = [name for name in (*names, config.get("start_param"), config.get("end_param")) if name]
    if names and paging.get("format") in ("page", "offset", "cursor"):
        paging["config"]["first_page_only"] = names


def _add_base_url(requester: Mapping[str, Any]) -> Any:
    """Return the authenticator. A legacy session logs in relative to the requester's URL."""
    authenticator = requester.get("authenticator")
    if isinstance(authenticator, Mapping) and authenticator.get("type") == "LegacySessionTokenAuthenticator":
        return {**authenticator, "api_url": requester.get("url_base") or requester.get("url") or ""}
    return authenticator


def _is_job(retriever: Mapping[str, Any]) -> bool:
    return retriever.get("type") == "AsyncRetriever"


def _note_code(
    component: Mapping[str, Any], retriever: Mapping[str, Any], requester: Mapping[str, Any], notes: Notes
) -> None:
    note_code(component, "a complete stream", notes)
    note_unsupported(component, notes)
    read_code(retriever, "reading a stream", notes)
    for migration in as_list(component.get("state_migrations")):
        if isinstance(migration, Mapping):
            note_code(migration, "migrating state", notes)
    read_code(requester, "building requests", notes)


def _is_coded(router: Any) -> bool:
    routers = router if isinstance(router, list) else [router]
    return any(is_code(item) for item in routers)


def _get_parameter(component: Mapping[str, Any], name: str) -> Any:
    parameters = component.get(PARAMETERS)
    return parameters.get(name) if isinstance(parameters, dict) else None
