"""Tokens of the vendor: the last page of a listing has one, and a later run sends it back to get only the changes."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from msgspec import Meta

from conn_engine.errors import VendorError
from conn_engine.listing.incremental.formats import is_absent
from conn_engine.listing.incremental.settings import Unreadable
from conn_engine.listing.pagination.next_url import resolve
from conn_engine.listing.pagination.placement import Where
from conn_engine.roles import FORM_PLACE, HEADER_PLACE, PARAMETER, POINTER, TEXT, expression_over
from conn_engine.settings import Answer, Draft, Scope, Settings
from conn_engine.transport import gateway

__all__ = ["SyncToken"]

_LONGEST = 16_384


class SyncToken(Settings, frozen=True, kw_only=True, tag_field="format", tag="token"):
    """Tokens or URLs of the vendor, which the last page of a listing has. State: the token. A run that has one lists
    the changes, with deleted records; another one lists everything.

    Templates see `state.cursor`, the token (null in the first run).
    """

    aliases: ClassVar[Mapping[str, str]] = {"delta_link_field": "url_field", "sync_token_field": "token_field"}
    record_cursor: ClassVar[None] = None
    per_partition: ClassVar[bool] = True

    token_field: Annotated[
        str | None,
        Meta(description="The token of the next run, on the last page.", extra=expression_over("body")),
    ] = None
    url_field: Annotated[
        str | None,
        Meta(
            description="The URL of the next run, on the last page, instead of a token. It replaces the operation's "
            "URL and query.",
            extra=expression_over("body"),
        ),
    ] = None
    token_param: Annotated[str | None, Meta(description="Query parameter for the token.", extra=PARAMETER)] = None
    token_header: Annotated[str | None, Meta(description="Request header for the token.", extra=HEADER_PLACE)] = None
    token_body: Annotated[str | None, Meta(description="JSON pointer to the token in the body.", extra=POINTER)] = None
    token_form: Annotated[str | None, Meta(description="Form field for the token.", extra=FORM_PLACE)] = None
    first_run_only: Annotated[
        tuple[str, ...],
        Meta(
            description="Query parameters that a run with a token does not send, because the token contains them.",
            extra=TEXT,
        ),
    ] = ()
    expired: Annotated[
        str,
        Meta(
            description="Whether a refused run means that the vendor no longer knows the token. Everything is then "
            "read again, without the records that were deleted since.",
            extra=expression_over("answer"),
        ),
    ] = "status = 410"

    def __post_init__(self) -> None:
        if (self.token_field is None) == (self.url_field is None):
            raise ValueError("`token` needs `token_field` or `url_field`, not both")
        if self.token_field is not None and not self._where.is_set:
            raise ValueError(
                "`token_field` needs a place to send the token to: `token_param`, `token_header`, `token_body` or "
                "`token_form`"
            )
        if self.url_field is not None and (self._where.is_set or self.first_run_only):
            raise ValueError("a URL from `url_field` is complete: remove `first_run_only` and the places of a token")

    @property
    def _where(self) -> Where:
        return Where(self.token_param, self.token_header, self.token_body, self.token_form)

    def from_state(self, value: Any) -> str | int | None:
        """Return the token of a state; None without one. Raises Unreadable."""
        if is_absent(value):
            return None
        if isinstance(value, bool) or not isinstance(value, str | int) or len(str(value)) > _LONGEST:
            raise Unreadable("it is not a token")
        if self.url_field is not None and not gateway.is_target(str(value)):
            raise Unreadable("it is not an absolute http or https URL")
        return value

    def to_state(self, value: Any) -> Any:
        """Return the token."""
        return value

    def find_token(self, answer: Answer) -> str | int | None:
        """Return the token of a page, a URL as an absolute one; None if it has none. Raises Unreadable."""
        value = answer.field(self.url_field or self.token_field or "")
        if is_absent(value):
            return None
        if self.url_field is None:
            return self.from_state(value)
        try:
            return self.from_state(resolve(value, answer, label="the URL of the next run"))
        except VendorError as error:
            raise Unreadable(error.message) from None

    def place(self, token: Any, draft: Draft) -> None:
        """Turn a draft into a request of a run with a token."""
        if self.url_field is not None:
            draft.url, draft.query, draft.absolute = str(token), [], True
            return
        for name in self.first_run_only:
            draft.set_query(name, None)
        self._where.set_parameter(draft, token)

    def has_expired(self, error: VendorError, scope: Scope) -> bool:
        """Return whether the vendor refuses a token because it no longer knows it."""
        if error.request is None or error.response is None:
            return False
        answer = Answer(error.request, error.response, error.details, scope=scope)
        return answer.holds(self.expired)
