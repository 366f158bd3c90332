"""Where to send a value of a flow in the request, in addition to templates that use it."""

from typing import Annotated, Any, Protocol

from msgspec import Meta

from conn_engine.documents.pointers import set_pointer
from conn_engine.roles import FORM_PLACE, HEADER_PLACE, PARAMETER, POINTER
from conn_engine.settings import Draft, Settings

__all__ = ["Body", "Form", "Header", "Param", "Placement", "Places", "place"]

Param = Annotated[str | None, Meta(description="Query parameter to send the value in.", extra=PARAMETER)]
Header = Annotated[str | None, Meta(description="Request header to send the value in.", extra=HEADER_PLACE)]
Body = Annotated[
    str | None, Meta(description="JSON pointer of the value in the request's body (`/filter/ids`).", extra=POINTER)
]
Form = Annotated[str | None, Meta(description="Form field to send the value in.", extra=FORM_PLACE)]


class Places(Protocol):
    """Settings that name places in a request."""

    @property
    def param(self) -> str | None: ...
    @property
    def header(self) -> str | None: ...
    @property
    def body(self) -> str | None: ...
    @property
    def form(self) -> str | None: ...


def place(settings: Places, draft: Draft, value: Any) -> None:
    """Set a value at every configured place. A list is joined by commas in a header; `query_format` decides how it is
    written in the query and in a form."""
    if settings.param is not None:
        draft.set_query(settings.param, value)
    if settings.header is not None:
        draft.set_header(settings.header, ",".join(map(str, value)) if isinstance(value, list) else str(value))
    if settings.body is not None:
        draft.body = set_pointer(draft.body, settings.body, value)
    if settings.form is not None:
        draft.body = {**(draft.body if isinstance(draft.body, dict) else {}), settings.form: value}
        draft.body_format = "form"


class Placement(Settings, frozen=True, kw_only=True):
    """Places in a request."""

    param: Param = None
    header: Header = None
    body: Body = None
    form: Form = None
