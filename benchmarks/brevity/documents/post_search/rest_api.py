import dlt
from dlt.sources.rest_api import rest_api_source

config = {
    "client": {
        "base_url": "https://api.example.com",
        "auth": {"token": dlt.secrets["token"]},
        "paginator": {"type": "cursor", "cursor_path": "next_cursor", "cursor_body_path": "cursor"},
    },
    "resources": [
        {"name": "people", "endpoint": {"path": "people/search", "method": "POST", "json": {"status": "active"}}}
    ],
}
source = rest_api_source(config)
