"""The OpenAPI document of an account, written from the contracts of its operations. It needs no web framework."""

from conn_service.http.openapi.document import build_openapi

__all__ = ["build_openapi"]
