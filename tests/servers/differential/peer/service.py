"""The server that answers one stream's requests, whichever side sends them. It remembers what it was asked."""

import gzip
import io
import json
import re
import threading
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from airbyte_cdk.sources.declarative.datetime.datetime_parser import DatetimeParser

from differential.peer import paging, synthesis, templates, tokens
from differential.peer.endpoints import Endpoint, Seen
from differential.peer.moment import NOW

__all__ = ["MOST_REQUESTS", "ORIGIN", "Service"]

ORIGIN = "X-Differential-Origin"
MOST_REQUESTS = 400


class _Served:
    """One endpoint with what is known of its answers."""

    def __init__(self, endpoint: Endpoint, span: timedelta) -> None:
        self.endpoint = endpoint
        self.span = span
        stream, retriever = endpoint.stream, endpoint.retriever
        self.schema = (_loader(stream.get("schema_loader")) or {}).get("schema") or {}
        self.sync = stream.get("incremental_sync") or {}
        selector = retriever.get("record_selector") or {}
        self.extractor = selector.get("extractor") or {}
        self.path = [
            templates.plain(step, endpoint.config, self.extractor.get("$parameters") or {})
            for step in self.extractor.get("field_path") or []
        ]
        self.added = _added(stream)
        self.filter = str((selector.get("record_filter") or {}).get("condition") or "")
        self.reads = [
            read for template in (*(text for _, text in self.added), self.filter) for read in _reads(template)
        ]
        self.keys = self._keys()
        self.cursors = self._cursors()
        self.paging = paging.plan(endpoint, self.path, lambda turn: self._page(turn, 1, self._dates(None)))
        option = (retriever.get("paginator") or {}).get("page_token_option") or {}
        self.places = tokens.places(option, endpoint.requester)

    def _keys(self) -> list[tuple[Any, ...]]:
        row = self.endpoint.stream.get("primary_key") or []
        rows = [row] if isinstance(row, str) else row
        keys = [tuple(key) if isinstance(key, list) else (key,) for key in rows]
        keys += self.endpoint.keys
        for template in _texts(self.endpoint.retriever.get("paginator")):
            keys += [path for path in templates.paths(template, "last_record") if path]
        return list(dict.fromkeys(key for key in keys if key))

    def _cursors(self) -> list[tuple[Any, ...]]:
        name = self.sync.get("cursor_field")
        if not name:
            return []
        name = templates.plain(name, self.endpoint.config, self.sync.get("$parameters") or {})
        field = tuple(name.split(".")) if "." in name else (name,)
        found = [field]
        for path, template in self.added:
            if tuple(path) == field:
                found += templates.paths(template, "record")
        return [path for path in found if path not in self.keys]

    def _dates(self, seen: Seen | None) -> synthesis.Dates:
        forms = [*(self.sync.get("cursor_datetime_formats") or []), self.sync.get("datetime_format")]
        start, end = NOW - self.span, NOW
        if seen is not None:
            start = self._bound(seen, "start_time_option") or start
            end = self._bound(seen, "end_time_option") or end
        return synthesis.Dates(start, max(end, start), forms)

    def _bound(self, seen: Seen, name: str) -> datetime | None:
        option = self.sync.get(name)
        if not option:
            return None
        place = tokens.places(option, {})
        text = tokens.read(seen, place[0].place, place[0].path) if place else None
        try:
            moment = DatetimeParser().parse(str(text), self.sync["datetime_format"])
        except (ValueError, KeyError, OverflowError):
            return None
        return moment.astimezone(UTC)

    def _page(self, turn: paging.Turn, seed: int, dates: synthesis.Dates) -> tuple[Any, list[Any]]:
        count, before = turn.sizes[turn.number], sum(turn.sizes[: turn.number])
        total = max(sum(turn.sizes), 1)
        records = []
        for at in range(count):
            number = seed * 1000 + before + at
            place = (before + at + 1) / (total + 1)
            record = synthesis.make(
                self.schema, number, place, dates, keys=self.keys, cursors=self.cursors, reads=self.reads
            )
            self._please(record, number)
            records.append(record)
        return self._wrap(records), records

    def _please(self, record: dict[str, Any], number: int) -> None:
        """Make some records pass the stream's filter, where it compares a field with a constant."""
        if not self.filter or number % 3 == 2:
            return
        constants = [one for one in templates.literals(self.filter) if isinstance(one, str | int) and one != ""]
        for path in templates.paths(self.filter, "config"):
            held = synthesis.take(self.endpoint.config, path)
            constants = [*(held if isinstance(held, list) else [held] if isinstance(held, str) else []), *constants]
        for path in templates.paths(self.filter, "record"):
            held = synthesis.take(record, path)
            options = [one for one in constants if one not in path]
            if options and not isinstance(held, int | float | bool):
                synthesis.put(record, path, options[number % len(options)])

    def _wrap(self, records: list[Any]) -> Any:
        if self.extractor.get("type") != "DpathExtractor" or not self.path:
            return records if len(records) != 1 or not self._bare else records[0]
        return _nest(self.path, records, root=True)

    @property
    def _bare(self) -> bool:
        """Whether the body is the one record itself: where answers hold fields beside it."""
        row = (self.endpoint.retriever.get("paginator") or {}).get("pagination_strategy") or {}
        return any(templates.paths(str(row.get(key) or ""), "response") for key in ("cursor_value", "stop_condition"))

    def answer(self, seen: Seen, secrets: Sequence[str]) -> tuple[Any, dict[str, str]]:
        """Body (data) and headers for a request."""
        number, token = self._number(seen)
        seed = zlib.crc32(self._base(seen).encode()) % 90000 + 10000
        sizes = self.paging.sizes
        if seed % 5 == 4 and not self.endpoint.own:
            sizes = sizes[-1:]
        sizes = [*sizes, 0] if number >= len(sizes) else sizes  # beyond the end nothing is left
        number = min(number, len(sizes) - 1)
        seen.page = number
        turn = paging.Turn(number, sizes, [], _without(seen.origin + seen.target, secrets))
        body, turn.records = self._page(turn, seed, self._dates(seen))
        seen.count = len(turn.records)
        headers: dict[str, str] = {}
        body = self.paging.decorate(body, headers, turn)
        if isinstance(body, list | dict):
            following = self._following(body, headers, turn, token)
            if following is not None:
                for place in self.places:
                    place.remember(following, number + 1, self.endpoint.config, self.endpoint.parameters)
        return body, headers

    def _following(self, body: Any, headers: dict[str, str], turn: paging.Turn, token: Any) -> Any:
        if token is None and self.paging.strategy is not None:
            token = self.paging.strategy.initial_token
        try:
            return self.paging.following(body, headers, turn, token)
        except Exception:
            return None

    def _number(self, seen: Seen) -> tuple[int, Any]:
        marked = dict(seen.query).get(paging.MARK, "")
        if marked.isdigit():
            return int(marked), None
        for place in self.places:
            found = place.number(seen)
            if found is not None:
                return found
        if self._counted and any(place.holds(seen, self._counted) for place in self.places):
            return len(self.paging.sizes), None
        return 0, None

    @property
    def _counted(self) -> set[str]:
        """What the place of a page number or offset may hold for the first page; empty for other paginations."""
        row = (self.endpoint.retriever.get("paginator") or {}).get("pagination_strategy") or {}
        first = {"PageIncrement": row.get("start_from_page") or 0, "OffsetIncrement": 0}
        return {str(first[row["type"]])} if row.get("type") in first else set()

    def _base(self, seen: Seen) -> str:
        """The request without what says which page."""
        linked = {paging.MARK, *self.paging.names} if any(name == paging.MARK for name, _ in seen.query) else set()
        query = dict(sorted((name, value) for name, value in seen.query if name not in linked))
        body: Any = json.loads(json.dumps(seen.data)) if seen.data is not None else None
        path = seen.path
        for place in self.places:
            path = place.base(query, body, path)
        kept = {name: value for name, value in query.items() if value != ""}
        return json.dumps([path, kept, body or None], sort_keys=True, default=str)

    def forget(self) -> None:
        """No token was handed out."""
        for place in self.places:
            place.rendered = {}


def _loader(loader: Any) -> Any:
    return loader[0] if isinstance(loader, list) and loader else loader


def _added(stream: Mapping[str, Any]) -> list[tuple[list[str], str]]:
    found = []
    for row in stream.get("transformations") or []:
        for added in row.get("fields") or [] if row.get("type") == "AddFields" else []:
            found.append((list(map(str, added.get("path") or [])), str(added.get("value") or "")))
    return found


def _reads(template: str) -> list[synthesis.Read]:
    """What an added field's template reads of the record; a date where it parses one."""
    forms = [one for one in templates.literals(template) if isinstance(one, str) and "%" in one]
    form = forms[1] if len(forms) > 1 else forms[0] if forms and "strptime" in template else ""
    found = [synthesis.Read(path, form) for path in templates.paths(template, "record")]
    return found + [synthesis.Read(path, field=name) for path, name in templates.lists(template, "record")]


def _texts(data: Any) -> list[str]:
    if isinstance(data, str):
        return [data]
    rows = data.values() if isinstance(data, dict) else data if isinstance(data, list) else ()
    return [text for row in rows for text in _texts(row)]


def _without(url: str, secrets: Sequence[str]) -> str:
    """A URL without parameters that hold a secret: vendors leave them out of their links."""
    parts = urlsplit(url)
    kept = [pair for pair in parts.query.split("&") if pair]
    kept = [pair for pair in kept if not any(secret in value for _, value in parse_qsl(pair) for secret in secrets)]
    return parts._replace(query="&".join(kept)).geturl()


def _nest(path: Sequence[str], records: list[Any], root: bool = False) -> Any:
    """Records at a path. A `*` has one entry per record; at the root it is an object, elsewhere a list."""
    if not path:
        return records
    step, rest = path[0], path[1:]
    if step != "*":
        inner = _nest(rest, records)
        return {step: inner}
    if not rest:
        return {f"k{at}": record for at, record in enumerate(records)}
    if rest == ["*"] or "*" in rest:
        return [_nest(rest, records)]
    groups = [_single(rest, record) for record in records]
    return {f"k{at}": group for at, group in enumerate(groups)} if root else groups


def _single(path: Sequence[str], record: Any) -> Any:
    return {path[0]: _single(path[1:], record)} if path else record


class Service:
    """The server. `serve` sets the endpoints of one stream; `asked` is what came in since."""

    def __init__(self) -> None:
        self.asked: list[Seen] = []
        self.unknown: list[str] = []
        self._served: list[_Served] = []
        self._secrets: list[str] = []
        self._lock = threading.Lock()
        service = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1  # one segment per answer

            def handle_any(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                service.exchange(self, self.rfile.read(length))

            def log_message(self, *_: Any) -> None:
                return

        for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
            setattr(Handler, f"do_{method}", Handler.handle_any)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def prepare(self, endpoints: Sequence[Endpoint], span: timedelta, secrets: Sequence[str]) -> list[str]:
        """Plan the answers; gives the names of endpoints whose pages could not be planned."""
        self._secrets = [secret for secret in secrets if len(secret) > 5]
        self._served = [_Served(endpoint, span) for endpoint in endpoints]
        self.forget()
        return [one.endpoint.name for one in self._served if not one.paging.found]

    def forget(self) -> None:
        """Begin anew: nothing asked, no tokens given."""
        self.asked, self.unknown = [], []
        for served in self._served:
            served.forget()

    def exchange(self, handler: BaseHTTPRequestHandler, body: bytes) -> None:
        """Answer one request."""
        origin = handler.headers.get(ORIGIN, "")
        headers = [(name, value) for name, value in handler.headers.items() if name != ORIGIN]
        seen = Seen(handler.command, origin, handler.path, headers, body)
        with self._lock:
            self.asked.append(seen)
            status, told, raw = self._answer(seen)
        handler.send_response(status)
        for name, value in told.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(raw)))
        handler.end_headers()
        handler.wfile.write(raw)
        handler.wfile.flush()

    def _answer(self, seen: Seen) -> tuple[int, dict[str, str], bytes]:
        if len(self.asked) > MOST_REQUESTS:
            return 418, {}, b'{"error": "more requests than a comparison needs"}'
        scored = sorted(((served.endpoint.score(seen), -at) for at, served in enumerate(self._served)), reverse=True)
        if not scored or scored[0][0] < 0:
            self.unknown.append(f"{seen.method} {seen.origin}{seen.target}")
            return 404, {"Content-Type": "application/json"}, b'{"error": "no endpoint of the stream"}'
        served = self._served[-scored[0][1]]
        seen.kind, seen.name = served.endpoint.kind, served.endpoint.name
        if served.endpoint.kind in ("token", "login"):
            data = _credential(served.endpoint)
            return 200, {"Content-Type": "application/json"}, json.dumps(data).encode()
        data, headers = served.answer(seen, self._secrets)
        kind, raw = encode(served.endpoint.decoder, data)
        return 200, {"Content-Type": kind, **headers}, raw


def _credential(endpoint: Endpoint) -> Any:
    """The same token each time: how often a reader asks must not show in all its other requests."""
    row, token = endpoint.extra, "granted-Xw9"
    if endpoint.kind == "token":
        name = templates.plain(row.get("access_token_name") or "access_token", endpoint.config, {})
        expires = templates.plain(row.get("expires_in_name") or "expires_in", endpoint.config, {})
        updater = row.get("refresh_token_updater") or {}
        found = {
            name: token,
            "token_type": "bearer",
            updater.get("refresh_token_name") or "refresh_token": f"re{token}",
        }
        form = row.get("token_expiry_date_format")
        moment = NOW + timedelta(hours=1)
        written = DatetimeParser().format(moment, form) if form and "%" in form else moment.isoformat()
        found[expires] = written if form else 3600
        return found
    body: dict[str, Any] = {}
    synthesis.put(body, row.get("session_token_path") or [row.get("session_token_response_key") or "id"], token)
    return body


def encode(decoder: Mapping[str, Any], data: Any) -> tuple[str, bytes]:
    """Content type and bytes of an answer in the form that a decoder reads."""
    kind = str(decoder.get("type") or "JsonDecoder")
    inner = decoder.get("decoder") or decoder.get("parser") or decoder.get("inner_parser") or {}
    if kind == "CompositeRawDecoder":
        return encode(inner, data)
    if kind in ("GzipDecoder", "GzipParser"):
        mime, raw = encode(inner, data)
        return ("application/gzip" if kind == "GzipDecoder" else mime), gzip.compress(raw, mtime=0)
    if kind == "ZipfileDecoder":
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr(zipfile.ZipInfo("data.json"), encode(inner, data)[1])
        return "application/zip", packed.getvalue()
    rows = data if isinstance(data, list) else [data]
    if kind in ("JsonlDecoder", "JsonLineParser", "IterableDecoder"):
        return "application/jsonl", "\n".join(json.dumps(row) for row in rows).encode()
    if kind in ("CsvDecoder", "CsvParser"):
        return "text/csv", _csv(decoder, rows)
    if kind == "XmlDecoder":
        import xmltodict

        body = data if isinstance(data, dict) and len(data) == 1 else {"root": {"item": data}}
        return "application/xml", xmltodict.unparse(_for_xml(body)).encode()
    return "application/json", json.dumps(data, ensure_ascii=False).encode()


def _csv(decoder: Mapping[str, Any], rows: list[Any]) -> bytes:
    import csv

    out = io.StringIO()
    names = list(dict.fromkeys(name for row in rows for name in row))
    mark = str(decoder.get("delimiter") or ",").replace("\\t", "\t")
    writer = csv.DictWriter(out, names, delimiter=mark)
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode(str(decoder.get("encoding") or "utf-8"))


def _for_xml(data: Any) -> Any:
    """Without what XML names cannot hold."""
    if isinstance(data, dict):
        return {re.sub(r"[^\w.-]", "_", str(name)): _for_xml(value) for name, value in data.items()}
    return [_for_xml(row) for row in data] if isinstance(data, list) else data
