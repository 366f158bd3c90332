import dlt
from dlt.sources.rest_api import rest_api_source

config = {
    "client": {"base_url": "https://api.example.com", "auth": {"token": dlt.secrets["token"]}},
    "resources": ["people"],
}
source = rest_api_source(config)
