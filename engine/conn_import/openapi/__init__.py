"""Read OpenAPI 2.0 and 3.x documents as contracts: servers, security and operations."""

from collections.abc import Mapping
from typing import Any

from conn_import.contract import Contract, Options
from conn_import.openapi.operations import read_operations
from conn_import.openapi.references import References
from conn_import.openapi.security import Schemes, to_variable_prefix
from conn_import.servers import Server, set_server
from conn_import.words import clean_text

__all__ = ["LABEL", "import_document", "recognizes"]

LABEL = "OpenAPI"


def recognizes(data: Any) -> bool:
    """Return whether a document declares OpenAPI 2.0 or 3.x."""
    if not isinstance(data, Mapping):
        return False
    return str(data.get("openapi", "")).startswith("3.") or str(data.get("swagger", "")).startswith("2")


def import_document(data: Any, options: Options) -> Contract:
    """Return the contract of a document. What it cannot contain is in its losses."""
    version = str(data.get("openapi") or data.get("swagger"))
    info = data.get("info") if isinstance(data.get("info"), Mapping) else {}
    contract = Contract(
        format=f"{LABEL} {clean_text(version, 12)}",
        title=clean_text(info.get("title") or "", 80),
        description=clean_text(str(info.get("description") or "").partition("\n\n")[0].partition(". ")[0], 200),
    )
    external = data.get("externalDocs")
    url = external.get("url") if isinstance(external, Mapping) else None
    contract.docs_url = url if isinstance(url, str) and url.startswith("https://") and len(url) < 300 else ""
    follow = References(data, contract.losses)
    set_server(contract, _find_server(data, contract), given=options.base_url)
    schemes = Schemes(_find_schemes(data, follow), data.get("security"), to_variable_prefix(options.name))
    contract.endpoints = list(read_operations(data, contract, schemes, follow, given=bool(options.base_url)))
    schemes.choose(contract, options.security)
    return contract


def _find_server(data: Mapping[str, Any], contract: Contract) -> Server | None:
    if "swagger" in data:
        host, base = data.get("host"), data.get("basePath")
        path = f"/{base.strip('/')}" if isinstance(base, str) and base.strip("/") else ""
        if not isinstance(host, str) or not host:
            return Server(path) if path else None
        schemes = data.get("schemes")
        plain_http = isinstance(schemes, list) and schemes and "https" not in schemes and "http" in schemes
        return Server(f"{'http' if plain_http else 'https'}://{host}{path}")
    servers = (
        [one for one in data.get("servers") or () if isinstance(one, Mapping)]
        if isinstance(data.get("servers"), list)
        else []
    )
    if not servers:
        return None
    for other in servers[1:]:
        contract.losses.add("other servers: the first one was imported", clean_text(other.get("url") or "", 120))
    variables = servers[0].get("variables")
    return Server(str(servers[0].get("url") or ""), variables if isinstance(variables, Mapping) else {})


def _find_schemes(data: Mapping[str, Any], follow: References) -> dict[str, Any]:
    holder = data if "swagger" in data else follow(data.get("components"))
    schemes = holder.get("securityDefinitions" if "swagger" in data else "securitySchemes")
    return {str(name): follow(scheme) for name, scheme in schemes.items()} if isinstance(schemes, Mapping) else {}
