import dlt
from dlt.sources.rest_api import rest_api_source

config = {
    "client": {
        "base_url": "https://api.example.com",
        "auth": {"type": "api_key", "name": "X-Api-Key", "api_key": dlt.secrets["api_key"]},
        "paginator": {"type": "page_number", "base_page": 1, "total_path": None},
    },
    "resources": [{"name": "people", "endpoint": {"params": {"per_page": 100}}}],
}
source = rest_api_source(config)
