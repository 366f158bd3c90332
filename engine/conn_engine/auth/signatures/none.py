"""Requests without a signature."""

from conn_engine.auth.signatures.request_scope import SigningContext
from conn_engine.settings import Scope, Settings
from conn_engine.wire import Request

__all__ = ["NoSignature"]


class NoSignature(Settings, frozen=True, kw_only=True, tag_field="format", tag="none"):
    """Adds nothing."""

    def sign(self, request: Request, scope: Scope, moment: SigningContext) -> Request:
        """Return the request unchanged."""
        return request
