"""The manifest of a listing for Airbyte's low-code CDK. Standard library only."""

from typing import Any

from benchmarks.workloads import Workload

__all__ = ["build_manifest"]


def build_manifest(base: str, listing: Workload, size: int) -> dict[str, Any]:
    """Return a source with one stream, `contacts`, in pages of `size`."""
    name, value = listing.header
    following = "response" + "".join(f".get('{part}', {{}})" for part in listing.cursor)
    return {
        "version": "7.0.0",
        "type": "DeclarativeSource",
        "check": {"type": "CheckStream", "stream_names": ["contacts"]},
        "spec": {"type": "Spec", "connection_specification": {"type": "object", "properties": {}}},
        "streams": [
            {
                "type": "DeclarativeStream",
                "name": "contacts",
                "primary_key": ["id"],
                "schema_loader": {
                    "type": "InlineSchemaLoader",
                    "schema": {"type": "object", "properties": {"id": {"type": "string"}}},
                },
                "retriever": {
                    "type": "SimpleRetriever",
                    "requester": {
                        "type": "HttpRequester",
                        "url_base": base,
                        "path": listing.path,
                        "http_method": "GET",
                        "authenticator": {
                            "type": "ApiKeyAuthenticator",
                            "api_token": value,
                            "inject_into": {"type": "RequestOption", "inject_into": "header", "field_name": name},
                        },
                    },
                    "record_selector": {
                        "type": "RecordSelector",
                        "extractor": {"type": "DpathExtractor", "field_path": [listing.records]},
                    },
                    "paginator": {
                        "type": "DefaultPaginator",
                        "page_token_option": {
                            "type": "RequestOption",
                            "inject_into": "request_parameter",
                            "field_name": listing.param,
                        },
                        "page_size_option": {
                            "type": "RequestOption",
                            "inject_into": "request_parameter",
                            "field_name": "limit",
                        },
                        "pagination_strategy": {
                            "type": "CursorPagination",
                            "page_size": size,
                            "cursor_value": f"{{{{ {following} }}}}",
                            "stop_condition": f"{{{{ not {following} }}}}",
                        },
                    },
                },
            }
        ],
    }
