"""The eight APIs, and the files of each kit that describe one."""

from dataclasses import dataclass
from pathlib import Path

__all__ = ["APIS", "BASE", "DOCUMENTS", "KITS", "Api", "Kit"]

DOCUMENTS = Path(__file__).parent / "documents"
BASE = "https://api.example.com"
"""The address in every document; a run replaces it with that of the local server."""


@dataclass(frozen=True, slots=True)
class Api:
    """One API: its folder, what is typical of it, and the listings to read, `people` or `projects` and `tasks`."""

    folder: str
    title: str
    listings: tuple[str, ...] = ("people",)


@dataclass(frozen=True, slots=True)
class Kit:
    """One way to describe an API: its name, its files, and the module that runs them (None: not executed)."""

    name: str
    files: tuple[str, ...]
    side: str | None
    peer: str | None = None

    def find_files(self, api: Api) -> list[Path]:
        """The files that describe an API."""
        folder = DOCUMENTS / api.folder
        return [path for pattern in self.files for path in sorted(folder.glob(pattern))]


APIS = (
    Api("page_numbers", "API key in a header, page numbers"),
    Api("cursor", "bearer token, cursor in the body"),
    Api("offset", "basic auth, offset and limit, bare array"),
    Api("link_header", "bearer token, Link header, bare array"),
    Api("next_url", "bearer token, next URL in the body"),
    Api("post_search", "POST search, cursor in the JSON body"),
    Api("children", "tasks of each project, both paged", ("projects", "tasks")),
    Api("changes", "changes since the last run; get, create"),
)
KITS = (
    Kit("Conn", ("connector.yaml",), "conn"),
    Kit("dlt", ("rest_api.py",), "dlt", "dlt"),
    Kit("httpx", ("client.py",), "hand"),
    Kit("Nango", ("providers.yaml", "*.ts"), None),
    Kit("Airbyte CDK", ("manifest.yaml",), "airbyte", "airbyte"),
)
