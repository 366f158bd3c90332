"""A workspace made of texts."""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from conn_engine.config import Workspace, load_workspace

EXAMPLE = """\
{
  "base_url": "https://api.hubspot.com",
  "credentials": { "format": "oauth2", "config": { "client_id": "{{env.CLIENT_ID}}" } },
  "authorization": { "format": "bearer", "config": { "path": "oauth.token.access_token" } },
  "pagination": { "format": "cursor", "config": { "cursor_field": "paging.next.after" } },
  "resources": {
    "contacts": {
      "list":   { "method": "get",  "path": "/crm/v3/objects/contacts", "response_path": "results" },
      "get":    { "method": "get",  "path": "/crm/v3/objects/contacts/{{id}}" },
      "create": { "method": "post", "path": "/crm/v3/objects/contacts" }
    }
  }
}
"""

CRM = """\
resources:
  contacts:
    list:
      query_mapping: { limit: query.limit }
      response_mapping:
        id: response.id
        email: response.properties.email
        first_name: response.properties.firstname
  companies:
    list:
      resource: contacts
      response_mapping: { id: response.id }
"""

ACME = """\
connector: hubspot
environment: production
context: { region: eu }
override:
  unified:
    crm:
      contacts:
        list:
          response_mapping:
            email: $uppercase(response.properties.email)
"""

PRODUCTION = """\
connectors:
  hubspot:
    headers: { x-env: production }
    pagination: { config: { size: 50, size_param: limit } }
"""

FILES = {
    "conn.yaml": "version: 1\n",
    "connectors/hubspot/connector.json": EXAMPLE,
    "connectors/hubspot/unified/crm.yaml": CRM,
    "environments/production.yaml": PRODUCTION,
    "accounts/acme.yaml": ACME,
}

Make = Callable[[Mapping[str, str | None]], Workspace]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """`make({path: text})`: the example workspace with these files added; None leaves one out."""

    def build(files: Mapping[str, str | None]) -> Workspace:
        for name, text in {**FILES, **files}.items():
            if text is None:
                continue
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return load_workspace(tmp_path)

    return build


@pytest.fixture
def example() -> str:
    """The connector of the language's description, exactly as it stands there."""
    return EXAMPLE
