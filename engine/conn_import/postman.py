"""Read Postman collections v2.0 and v2.1 as contracts. Values in requests are samples, and scripts are left out."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote

from msgspec import UNSET

from conn_engine.analysis.drift.contract import Endpoint, Parameter, Parts, Shape, infer_schema, join_learned
from conn_engine.errors import ConfigurationError
from conn_import.coercion import as_list
from conn_import.contract import Contract, Options
from conn_import.openapi.security import build_oauth_settings, to_variable_prefix
from conn_import.request_keys import build_header_key
from conn_import.secrecy import is_key_name, looks_secret, redact_prose, remove_user
from conn_import.servers import Server, set_server
from conn_import.words import clean_text

__all__ = ["LABEL", "import_document", "recognizes"]

LABEL = "Postman collection"
_METHODS = frozenset({"get", "post", "put", "patch", "delete", "head", "options"})
_LANGUAGES = {"html": "text/html", "javascript": "application/javascript", "xml": "application/xml"}
_VARIABLE = re.compile(r"\{\{([^{}]+)\}\}")
_MOST = 100_000
_NOT_OURS = frozenset({"authorization", "accept", "content-type", "user-agent", "host", "cookie", "content-length"})


def recognizes(data: Any) -> bool:
    """Return whether a document is a collection. Version 1 is recognized too, so that the error can name it."""
    if not isinstance(data, Mapping):
        return False
    info = data.get("info")
    second = isinstance(info, Mapping) and isinstance(data.get("item"), list)
    return (second and _is_version_2(data)) or _is_version_1(data)


def _is_version_2(data: Mapping[str, Any]) -> bool:
    return "schema" not in data["info"] or "collection/v2" in str(data["info"]["schema"])


def _is_version_1(data: Mapping[str, Any]) -> bool:
    info = data.get("info")
    schema = str(info.get("schema") or "") if isinstance(info, Mapping) else ""
    ordered = isinstance(data.get("order"), list) or isinstance(data.get("folders"), list)
    return "collection/v1" in schema or (ordered and isinstance(data.get("requests"), list))


def import_document(data: Any, options: Options) -> Contract:
    """Return the contract of a collection, with its losses. Raises ConfigurationError for version 1."""
    if _is_version_1(data):
        raise ConfigurationError(
            "version 1 Postman collections cannot be imported",
            hint="export it from Postman as Collection v2.1, or convert it with postman-collection-transformer",
        )
    info = data["info"]
    contract = Contract(format=LABEL, title=clean_text(info.get("name") or "", 80), observed=True)
    contract.description = clean_text(redact_prose(_read_description(info).partition("\n")[0]), 200)
    reader = _CollectionReader(data, contract, options)
    reader.walk()
    set_server(contract, reader.find_server(), given=options.base_url)
    contract.endpoints = reader.endpoints
    reader.authorize()
    return contract


class _CollectionReader:
    def __init__(self, data: Mapping[str, Any], contract: Contract, options: Options) -> None:
        self._data = data
        self._contract = contract
        self._losses = contract.losses
        self._options = options
        self._variables = {str(row.get("key")): row.get("value") for row in _list_rows(data.get("variable"))}
        self._bases: dict[str, int] = {}
        self._auths: dict[tuple[str, str, str], tuple[int, Mapping[str, Any]]] = {}
        self.endpoints: list[Endpoint] = []
        self._own_bases: list[str] = []

    def walk(self) -> None:
        """Read every request, in order, with the folders above it as tags."""
        self._note_scripts(self._data, "the collection")
        for folders, auth, item in self._walk_items():
            self._contract.found += 1
            if self._contract.found > _MOST:
                self._losses.add(f"requests beyond the first {_MOST:,}")
                return
            self._count_auth(auth if _has_authorization(auth) else _read_sent_key(item))
            read_one = self._read_request(item, folders)
            if read_one is not None:
                endpoint, base = read_one
                earlier = None if endpoint.fixed_body is not UNSET else self._find_earlier(endpoint)
                if earlier is not None:
                    self._losses.add("requests with the method and path of an earlier request", endpoint.where)
                    _learn_more(earlier, endpoint)
                    continue
                self.endpoints.append(endpoint)
                self._own_bases.append(base)
                self._bases[base] = self._bases.get(base, 0) + 1
        main = self._find_main_base()
        keys = {(place, name.lower()) for _, place, name in self._auths if name}
        for endpoint, base in zip(self.endpoints, self._own_bases, strict=True):
            kept = [one for one in endpoint.parameters if (one.place, one.name.lower()) not in keys]
            endpoint.parameters = kept  # the caller never sends a key, whichever one is chosen
            if base != main:
                self._losses.add(
                    "other servers: the most used one was imported", f"{endpoint.where} ({clean_text(base, 80)})"
                )

    def _find_earlier(self, endpoint: Endpoint) -> Endpoint | None:
        known = (e for e in self.endpoints[-500:] if e.method == endpoint.method and e.path == endpoint.path)
        return next(known, None)

    def _walk_items(self) -> Iterator[tuple[tuple[str, ...], Any, Mapping[str, Any]]]:
        """Yield the requests in order, with their folders and their authorization: their own or an inherited one."""
        pending: list[tuple[tuple[str, ...], Any, Any]] = [
            ((), self._data.get("auth"), item) for item in reversed(self._data["item"])
        ]
        while pending:
            folders, above, item = pending.pop()
            if not isinstance(item, Mapping):
                continue
            request = item.get("request")
            own = request.get("auth") if isinstance(request, Mapping) else item.get("auth")
            auth = own if isinstance(own, Mapping) else above
            if isinstance(item.get("item"), list):
                inner = (*folders, clean_text(item.get("name") or "", 80))
                self._note_scripts(item, "/".join(inner))
                pending += [(inner, auth, child) for child in reversed(item["item"])]
            elif "request" in item:
                yield folders, auth, item

    def _note_scripts(self, item: Mapping[str, Any], where: str) -> None:
        for event in _list_rows(item.get("event")):
            script = event.get("script")
            if isinstance(script, Mapping) and any(str(line).strip() for line in as_list(script.get("exec"))):
                self._losses.add(f"scripts ({clean_text(event.get('listen') or '', 20)})", clean_text(where, 100))

    def _read_request(self, item: Mapping[str, Any], folders: tuple[str, ...]) -> tuple[Endpoint, str] | None:
        said = item["request"]
        request: Mapping[str, Any] = said if isinstance(said, Mapping) else {"url": said, "method": "GET"}
        method = str(request.get("method") or "GET").lower()
        base, path, query = self._read_url(request.get("url"))
        name = redact_prose(str(item.get("name") or ""))
        endpoint = Endpoint(method, path, name=clean_text(name, 120), tags=folders)
        endpoint.summary = clean_text(name, 110)
        if method not in _METHODS:
            self._losses.add(f"the method {clean_text(method.upper(), 20)}", path)
            return None
        endpoint.parameters += query
        url = request.get("url")
        for row in _list_rows(url.get("variable") if isinstance(url, Mapping) else None):
            endpoint.parameters.append(_read_parameter(row, "path"))
        for row in _list_rows(request.get("header")):
            name = str(row.get("key") or "")
            if name and name.lower() not in _NOT_OURS and not row.get("disabled"):
                endpoint.parameters.append(_read_header(row))
        self._note_scripts(item, endpoint.where)
        if not self._read_body(endpoint, request.get("body")):
            return None
        self._read_answer(endpoint, item)
        return endpoint, base

    def _read_url(self, url: Any) -> tuple[str, str, list[Parameter]]:
        """Base, path with its parameters in braces, and the query's parameters."""
        raw = str(url.get("raw") or "") if isinstance(url, Mapping) else str(url or "")
        if isinstance(url, Mapping) and not raw:
            host = url.get("host")
            parts = [str(part) for part in host] if isinstance(host, list) else [str(host or "")]
            path = "/".join(str(part) for part in as_list(url.get("path"))) if isinstance(url.get("path"), list) else ""
            raw = f"{url.get('protocol') or 'https'}://{'.'.join(parts)}/{path}"
        raw = raw.partition("#")[0]
        whole, _, query = raw.partition("?")
        base, path = _split_url(whole)
        if (bare := remove_user(base)) != base:
            self._losses.add("a user name and password in a URL: they belong in the credential", clean_text(path, 80))
            base = bare
        path = re.sub(r"(?<=/):([^/]+)", r"{\1}", path)
        path = "/".join("{key}" if looks_secret(segment) else segment for segment in path.split("/"))
        path = _VARIABLE.sub(lambda found: f"{{{found[1]}}}", path)
        rows = _list_rows(url.get("query")) if isinstance(url, Mapping) else []
        if not rows:
            pairs = [pair.partition("=") for pair in query.split("&") if pair]
            rows = [{"key": unquote(name), "value": unquote(value)} for name, _, value in pairs]
        return base, path or "/", [_read_parameter(row, "query") for row in rows if row.get("key")]

    def _read_body(self, endpoint: Endpoint, body: Any) -> bool:
        if not isinstance(body, Mapping) or not body.get("mode") or endpoint.method in ("get", "head"):
            return True
        mode = body["mode"]
        if mode == "raw":
            text = str(body.get("raw") or "")
            if not text.strip():
                return True
            value = _parse_json(text)
            if value is UNSET:
                language = (
                    body.get("options", {}).get("raw", {}).get("language")
                    if isinstance(body.get("options"), Mapping)
                    else ""
                )
                if language not in ("json", "", None):
                    endpoint.body_format, endpoint.media_type = "raw", _LANGUAGES.get(str(language), "text/plain")
                    return True
                value = {}
            endpoint.body_format, endpoint.body, endpoint.sample_body = (
                "json",
                Shape.from_node(infer_schema(value)),
                value,
            )
            return True
        if mode == "urlencoded":
            fields = {str(row.get("key")): str(row.get("value") or "") for row in _list_rows(body.get("urlencoded"))}
            endpoint.body_format, endpoint.body, endpoint.sample_body = (
                "form",
                Shape.from_node(infer_schema(fields)),
                fields,
            )
            return True
        if mode == "formdata":
            rows = _list_rows(body.get("formdata"))
            texts = {str(row.get("key")): str(row.get("value") or "") for row in rows if row.get("type") != "file"}
            endpoint.body_format, endpoint.body = "multipart", Shape.from_node(infer_schema(texts))
            endpoint.parts = Parts(tuple(str(row.get("key")) for row in rows if row.get("type") == "file"))
            return True
        if mode == "file":
            endpoint.body_format = "raw"
            return True
        if mode == "graphql":
            self._read_graphql(endpoint, body.get("graphql"))
            return True
        self._losses.add(f"operations with a {clean_text(mode, 40)} body", endpoint.where)
        return False

    def _read_graphql(self, endpoint: Endpoint, body: Any) -> None:
        """Read a GraphQL request: its query belongs to the operation, and the variables are the caller's body."""
        endpoint.body_format = "graphql"
        query = body.get("query") if isinstance(body, Mapping) else None
        if not isinstance(query, str) or not query.strip() or "{{" in query:
            self._losses.add("the query of a GraphQL request: it is missing or contains variables", endpoint.where)
            return
        endpoint.fixed_body = {"query": query.strip(), "variables": "{{ body ?: {} }}"}
        variables = body.get("variables")
        value = _parse_json(variables) if isinstance(variables, str) else variables
        if isinstance(value, dict) and value:
            endpoint.body, endpoint.sample_body = Shape.from_node(infer_schema(value)), value

    def _read_answer(self, endpoint: Endpoint, item: Mapping[str, Any]) -> None:
        for row in _list_rows(item.get("response")):
            code = row.get("code")
            if not isinstance(code, int) or not 200 <= code < 300:
                continue
            for header in _list_rows(row.get("header")):
                endpoint.answer.headers |= {str(header.get("key") or "").lower()}
            value = _parse_json(str(row.get("body") or ""))
            if value is not UNSET and isinstance(value, dict | list):
                endpoint.answer.shape = Shape.from_node(infer_schema(value))
                endpoint.answer.example = value
                return

    def _count_auth(self, auth: Any) -> None:
        if not _has_authorization(auth):
            return
        kind = str(auth["type"])
        settings = _get_settings(auth, kind) if kind == "apikey" else {}
        place = "query" if settings.get("in") == "query" else "header"
        key = kind, place, str(settings.get("key") or "")
        used, first = self._auths.get(key, (0, auth))
        self._auths[key] = (used + 1, first)

    def _find_main_base(self) -> str:
        return max(self._bases, key=lambda base: self._bases[base], default="")

    def find_server(self) -> Server | None:
        """Return the server that most requests use, with the collection's values for its variables."""
        base = self._find_main_base()
        for _ in range(5):
            match = _VARIABLE.fullmatch(base)
            value = self._variables.get(match[1]) if match else None
            if not isinstance(value, str) or not value:
                break
            base = value
        if not base:
            return None
        variables = {
            name: {"default": value}
            for name in _VARIABLE.findall(base)
            if isinstance(value := self._variables.get(name), str)
        }
        return Server(base.replace("{{", "{").replace("}}", "}"), variables)

    def authorize(self) -> None:
        """Use the most frequent supported authorization, and note the others."""
        for key in sorted(self._auths, key=lambda key: -self._auths[key][0]):
            kind, place, name = key
            label = f"{clean_text(kind, 30)} ({place} {clean_text(name, 60)})" if name else clean_text(kind, 30)
            settings = self._build_settings(kind, self._auths[key][1])
            if settings is None:
                self._losses.add(f"the {label} authorization: unsupported, or without its URLs")
            elif self._contract.authorization is None:
                self._contract.credentials, self._contract.authorization = settings
            else:
                self._losses.add(f"the {label} authorization: another one was chosen (a connector has one)")
        if not self._auths:
            self._contract.authorization_loss = "authorization: the collection does not contain it"

    def _build_settings(self, kind: str, auth: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]] | None:
        rows = _get_settings(auth, kind)
        if kind == "bearer":
            return {"format": "bearer"}, {"format": "bearer"}
        if kind == "basic":
            return {"format": "basic"}, {"format": "basic"}
        if kind == "apikey":
            name = rows.get("key")
            if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z0-9_.-]+", name):
                return None
            if rows.get("in") != "query":
                return build_header_key(name, str(rows.get("value") or ""))
            return {"format": "api_key"}, {"format": "query", "config": {"name": name}}
        if kind == "oauth2":
            token, consent = str(rows.get("accessTokenUrl") or ""), str(rows.get("authUrl") or "")
            if not token.startswith("https://") or "{{" in token + consent:
                return None
            scopes = str(rows.get("scope") or "").split()
            consent = "" if rows.get("grant_type") == "client_credentials" else consent
            return build_oauth_settings(to_variable_prefix(self._options.name), token, consent, scopes)
        return None


def _learn_more(known: Endpoint, other: Endpoint) -> None:
    """Add what another example of a request shows: fields of its body, and a response if there was none."""
    if known.body_format == other.body_format and known.body is not None and other.body is not None:
        known.body = Shape.from_node(join_learned(known.body.node, other.body.node))
    if known.answer.example is UNSET and other.answer.example is not UNSET:
        known.answer, known.sample_body = other.answer, other.sample_body


def _has_authorization(auth: Any) -> bool:
    return isinstance(auth, Mapping) and str(auth.get("type") or "noauth") != "noauth"


def _read_sent_key(item: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the authorization of a request with a key in a header or in its query, in Postman's form, or None."""
    request = item.get("request")
    if not isinstance(request, Mapping):
        return None
    for row in _list_rows(request.get("header")):
        if str(row.get("key") or "").lower() == "authorization" and not row.get("disabled"):
            return _build_key("Authorization", row.get("value"), "header")
    name = next((name for name, value in _list_query(request.get("url")) if _is_key(name, value)), None)
    return None if name is None else _build_key(name, None, "query")


def _list_query(url: Any) -> list[tuple[str, str]]:
    """Return the query of a URL: its rows, or the text after the question mark."""
    rows = _list_rows(url.get("query")) if isinstance(url, Mapping) else []
    if rows:
        return [(str(row.get("key") or ""), str(row.get("value") or "")) for row in rows if not row.get("disabled")]
    raw = str(url.get("raw") or "") if isinstance(url, Mapping) else str(url or "")
    pairs = [pair.partition("=") for pair in raw.partition("#")[0].partition("?")[2].split("&") if pair]
    return [(unquote(name), unquote(value)) for name, _, value in pairs]


def _is_key(name: str, value: str) -> bool:
    """Return whether a parameter of the query is a key. `token` is often a page token, unless its value is a key."""
    return is_key_name(name, "query") and (name.lower() != "token" or "{{" in value or looks_secret(value))


def _build_key(name: str, value: Any, place: str) -> dict[str, Any]:
    return {"type": "apikey", "apikey": {"key": name, "value": value, "in": place}}


def _get_settings(auth: Mapping[str, Any], kind: str) -> Mapping[str, Any]:
    """Return the settings of a kind: an object (v2.0) or rows of keys and values (v2.1)."""
    settings = auth.get(kind)
    return (
        settings
        if isinstance(settings, Mapping)
        else {str(row.get("key")): row.get("value") for row in _list_rows(settings)}
    )


def _split_url(url: str) -> tuple[str, str]:
    """Base and path: `{{base_url}}/a` and `https://host/a` alike."""
    scheme, mark, rest = url.partition("://")
    if not mark:
        scheme, rest = "", url
    host, slash, path = rest.partition("/")
    base = (
        f"{scheme}://{host}"
        if scheme
        else host
        if host.startswith("{{") and host.endswith("}}") and host.count("{{") == 1
        else f"https://{host}"
        if host
        else ""
    )
    return base, f"{slash}{path}"


def _read_parameter(row: Mapping[str, Any], place: Any) -> Parameter:
    value = row.get("value")
    found = Parameter(str(row.get("key") or "")[:120], place)
    text = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
    # Documentation tools write `<integer>` instead of a value.
    kind = re.fullmatch(r"<([a-z]+)>", text)
    found.kind = kind[1] if kind else "integer" if text.isdigit() else ""
    if text and not kind and "{{" not in text:
        found.sample = text[:500]
    found.required = "(required)" in _read_description(row).lower()
    return found


def _read_header(row: Mapping[str, Any]) -> Parameter:
    found = _read_parameter(row, "header")
    value = str(row.get("value") or "")
    if value and not _VARIABLE.search(value) and not value.startswith("<"):
        found.fixed = value[:500]
    found.required = found.required or is_key_name(found.name, "header")  # it was sent
    return found


def _read_description(row: Mapping[str, Any]) -> str:
    description = row.get("description")
    return str(description.get("content") or "") if isinstance(description, Mapping) else str(description or "")


def _parse_json(text: str) -> Any:
    try:
        return json.loads(text) if len(text) < 5_000_000 else UNSET
    except (ValueError, RecursionError):
        return UNSET


def _list_rows(value: Any) -> list[Mapping[str, Any]]:
    return [row for row in value if isinstance(row, Mapping)] if isinstance(value, list) else []
