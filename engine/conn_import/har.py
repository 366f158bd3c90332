"""Read HAR files as contracts: the recorded calls stand for the vendor's API.

Path segments that look like IDs become parameters. Secrets are removed, as in every recording.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, NoReturn
from urllib.parse import parse_qsl, unquote

from msgspec import UNSET

from conn_engine.analysis.drift.contract import Endpoint, Parameter, Parts, Shape, infer_schema, shape_of_examples
from conn_engine.documents import dump_json
from conn_engine.errors import ConfigurationError
from conn_engine.recordings.exchanges import flat
from conn_engine.recordings.files import Exchange
from conn_engine.recordings.har import import_har
from conn_engine.secrets import REDACTED, is_secret_name
from conn_engine.urls import split_plain_url
from conn_import.coercion import as_list
from conn_import.contract import Contract, Options
from conn_import.path_names import to_path_template
from conn_import.request_keys import AuthSettings, add_keys, build_header_key, find_scheme
from conn_import.secrecy import is_key_name
from conn_import.servers import Server, set_server
from conn_import.words import clean_text

__all__ = ["LABEL", "import_document", "recognizes"]

LABEL = "HAR"
_METHODS = frozenset({"get", "post", "put", "patch", "delete", "head"})
_MOST = 100_000
_MOST_BODIES = 50


def recognizes(data: Any) -> bool:
    """Return whether a document is an HTTP archive."""
    log = data.get("log") if isinstance(data, Mapping) else None
    return isinstance(log, Mapping) and isinstance(log.get("entries"), list)


def import_document(data: Any, options: Options) -> Contract:
    """Return the contract of the host with the most API calls. What it cannot contain is in its losses."""
    contract = Contract(format=LABEL, source="har", observed=True)
    entries = data["log"]["entries"]
    unanswered: list[str] = []
    exchanges = import_har(dump_json(data), file="the HAR", unanswered=unanswered)[:_MOST]
    for request in unanswered:
        contract.losses.add("requests without a response", clean_text(request, 120))
    contract.found = len(exchanges)
    hosts = Counter(_get_origin(one) for one in exchanges if _is_api(one))
    if not hosts:
        _refuse_without_json(exchanges)
    main = max(hosts, key=lambda origin: hosts[origin])
    set_server(contract, Server(main), given=options.base_url)
    contract.title = clean_text(split_plain_url(main).hostname or "", 80)
    _read_authorization(contract, entries, main)
    groups: dict[tuple[str, str], list[Exchange]] = {}
    for exchange in exchanges:
        origin, where = _get_origin(exchange), f"{exchange.request.method} {clean_text(_get_path(exchange), 100)}"
        if origin != main:
            contract.losses.add("calls to other hosts", clean_text(origin, 80))
        elif not _is_api(exchange):
            contract.losses.add("calls without a JSON response", where)
        elif exchange.request.method.lower() not in _METHODS:
            contract.losses.add("calls with unsupported methods", where)
        else:
            path = to_path_template(_get_path(exchange))
            groups.setdefault((exchange.request.method.lower(), path), []).append(exchange)
    for (method, path), found in groups.items():
        endpoint = _build_endpoint(method, path, found, contract)
        if endpoint is not None:
            contract.endpoints.append(endpoint)
    return contract


def _refuse_without_json(exchanges: list[Exchange]) -> NoReturn:
    kinds: dict[str, Counter[str]] = {}
    for one in exchanges:
        kind = one.response.headers.get("content-type", "").partition(";")[0] or "an unknown type"
        kinds.setdefault(_get_origin(one), Counter())[kind] += 1
    origins = [f"{origin} ({', '.join(counts)})" for origin, counts in kinds.items()]
    raise ConfigurationError(
        "the HAR file has no JSON response, so nothing can be imported",
        hint="record a session that calls the API and save the file with content; "
        f"the responses in this file come from {clean_text(', '.join(origins), 400)}",
    )


def _get_origin(exchange: Exchange) -> str:
    parts = split_plain_url(exchange.request.url)
    return f"{parts.scheme}://{parts.netloc}".lower()


def _get_path(exchange: Exchange) -> str:
    return unquote(split_plain_url(exchange.request.url).path) or "/"


def _is_api(exchange: Exchange) -> bool:
    response = exchange.response
    return response.body is not UNSET or (response.status < 300 and response.text is None and response.base64 is None)


def _build_endpoint(method: str, path: str, collected: list[Exchange], contract: Contract) -> Endpoint | None:
    endpoint = Endpoint(method, path)
    good = [one for one in collected if one.response.status < 300]
    if not good:
        contract.losses.add("calls that always failed", endpoint.where)
        return None
    for name, values in _collect_queries(collected).items():
        if name and not is_secret_name(name) and not any(REDACTED in value for value in values):
            numeric = all(value.isdigit() for value in values)
            one = Parameter(name[:120], "query", kind="integer" if numeric else "string", sample=values[0][:500])
            endpoint.parameters.append(one)
    request = good[0].request
    if request.form is not None:
        endpoint.body_format = "form"
        endpoint.body = shape_of_examples(one.request.form for one in good[:_MOST_BODIES])
        endpoint.sample_body = request.form
    elif request.body is not UNSET:
        endpoint.body_format = "json"
        endpoint.body = shape_of_examples(one.request.body for one in good[:_MOST_BODIES])
        endpoint.sample_body = request.body
    elif request.parts is not None:
        endpoint.body_format = "multipart"
        endpoint.body = Shape.from_node(infer_schema({part.name: part.text or "" for part in request.parts}))
        endpoint.parts = Parts(tuple(dict.fromkeys(part.name for part in request.parts if part.filename)))
    elif request.text is not None or request.base64 is not None:
        contract.losses.add("operations with a request body that is neither JSON nor a form", endpoint.where)
        return None
    endpoint.answer.headers = frozenset(name.lower() for one in good for name in one.response.headers)
    # The longest response shows the most fields: an empty list has none.
    best = max(
        (one.response.body for one in good if one.response.body is not UNSET), key=lambda b: len(str(b)), default=UNSET
    )
    if best is not UNSET:
        endpoint.answer.shape, endpoint.answer.example = Shape.from_node(infer_schema(best)), best
    return endpoint


def _collect_queries(collected: list[Exchange]) -> dict[str, list[str]]:
    rows: dict[str, list[str]] = {}
    for one in collected[:200]:
        pairs = [*flat(one.request.query), *parse_qsl(split_plain_url(one.request.url).query, keep_blank_values=True)]
        for name, value in pairs:
            rows.setdefault(name, []).append(str(value))
    return rows


def _read_authorization(contract: Contract, entries: Any, main: str) -> None:
    """Detect how the calls to the host were authorized, by the names of headers and parameters. Values are not read,
    except for a scheme. If calls usually send several of them together, the connector does too.
    """
    names: Counter[str] = Counter()
    together: Counter[frozenset[str]] = Counter()
    for entry in entries[:_MOST]:
        request = entry.get("request") if isinstance(entry, Mapping) else None
        if isinstance(request, Mapping) and str(request.get("url", "")).lower().startswith(main):
            labels = frozenset(_list_labels(request))
            names.update(labels)
            together[labels] += 1
    ranked = sorted(names, key=lambda label: (-names[label], label))
    first = next((label for label in ranked if _to_settings(label) is not None), "")
    with_first = [labels for labels in together if first in labels]
    carried = max(with_first, key=lambda labels: (together[labels], sorted(labels)), default=frozenset[str]())
    usable = [label for label in ranked if label in carried and _to_settings(label) is not None]
    usable.sort(key=lambda label: not label.startswith("scheme "))  # a scheme comes first, then keys
    for label in (*usable, *(label for label in ranked if label not in usable)):
        way = _to_settings(label) if label in usable else None
        if way is None or (label != usable[0] and label.startswith("scheme ")):
            contract.losses.add(f"authorization by {clean_text(label, 60)}")
        elif contract.authorization is None or contract.credentials is None:
            contract.credentials, contract.authorization = way
        else:
            made = add_keys((contract.credentials, contract.authorization), [(label.partition(" ")[2], way[1])])
            contract.credentials, contract.authorization = made
    if not names:
        contract.losses.add("authorization: the file does not contain it (browsers leave it out)")


def _list_labels(request: Mapping[str, Any]) -> Iterator[str]:
    """Yield what may authorize a request: `scheme bearer`, `header X-Key`, `query key`, `cookie`."""
    for header in as_list(request.get("headers")):
        name = str(header.get("name", "")) if isinstance(header, Mapping) else ""
        if name.lower() == "authorization":
            yield f"scheme {find_scheme(str(header.get('value', '')))}"
        elif is_key_name(name, "header"):
            yield "cookie" if name.lower() == "cookie" else f"header {name}"
    for pair in as_list(request.get("queryString")):
        if isinstance(pair, Mapping) and is_secret_name(str(pair.get("name", ""))):
            yield f"query {pair['name']}"


def _to_settings(label: str) -> AuthSettings | None:
    """Return credentials and authorization for a label, or None for browser sessions and unknown schemes."""
    place, _, name = label.partition(" ")
    if place == "scheme":
        return build_header_key("Authorization", f"{name}{'' if name.endswith('=') else ' '}…" if name else "")
    usable = re.fullmatch(r"[A-Za-z0-9_.-]+", name) and not re.search("csrf|xsrf", name.lower())
    return ({"format": "api_key"}, {"format": place, "config": {"name": name}}) if usable else None
