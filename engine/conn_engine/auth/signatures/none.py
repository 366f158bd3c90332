"""Requests are not signed."""

from conn_engine.auth.signatures.moment import SigningContext
from conn_engine.settings import Scope, Settings
from conn_engine.wire import Request

__all__ = ["NoSignature"]


class NoSignature(Settings, frozen=True, kw_only=True, tag_field="format", tag="none"):
    """Nothing is added."""

    def sign(self, request: Request, scope: Scope, moment: SigningContext) -> Request:
        """The request as it is."""
        return request
