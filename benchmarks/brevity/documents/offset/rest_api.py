import dlt
from dlt.sources.rest_api import rest_api_source

config = {
    "client": {
        "base_url": "https://api.example.com",
        "auth": {"type": "http_basic", "username": dlt.secrets["username"], "password": dlt.secrets["password"]},
        "paginator": {"type": "offset", "limit": 100, "total_path": None},
    },
    "resources": ["people"],
}
source = rest_api_source(config)
