import dlt
from dlt.sources.rest_api import rest_api_source

config = {
    "client": {
        "base_url": "https://api.example.com",
        "auth": {"token": dlt.secrets["token"]},
        "paginator": {"type": "cursor", "cursor_path": "next_cursor", "cursor_param": "cursor"},
    },
    "resources": ["projects", {"name": "tasks", "endpoint": "projects/{resources.projects.id}/tasks"}],
}
source = rest_api_source(config)
