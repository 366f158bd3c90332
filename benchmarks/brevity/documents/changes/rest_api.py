import dlt
from dlt.sources.rest_api import rest_api_source

config = {
    "client": {
        "base_url": "https://api.example.com",
        "auth": {"token": dlt.secrets["token"]},
        "paginator": {"type": "cursor", "cursor_path": "next_cursor", "cursor_param": "cursor"},
    },
    "resources": [
        {"name": "people", "endpoint": {"incremental": {"cursor_path": "updated_at", "start_param": "updated_since"}}}
    ],
}
source = rest_api_source(config)
