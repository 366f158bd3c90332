"""Pages by three expressions, for paginations that no other kind supports: the first state, the next one, and what it
adds to the request."""

from typing import Annotated, Any, ClassVar

from msgspec import Meta

from conn_engine.errors import ConfigurationError, VendorError
from conn_engine.listing.pagination.completeness import EndKey
from conn_engine.listing.pagination.ending import Chained
from conn_engine.listing.pagination.placement import Where, read_token
from conn_engine.roles import PARAMETER, POINTER, bring_names, expression_over
from conn_engine.settings import Answer, Draft, Names, Scope, ask
from conn_engine.transport import gateway

__all__ = ["Dynamic"]

_PLACES = ("query", "headers", "body", "form", "path", "url")


class Dynamic(Chained, frozen=True, kw_only=True, tag_field="format", tag="dynamic"):
    """Expressions compute the position of each page. State: `{state}`, any JSON value, such as `{session, page}`.
    Templates see the state's names as `page.session`, and a state that is not an object as `page.state`."""

    is_advanced: ClassVar[bool] = True

    first: Annotated[
        str | None,
        Meta(
            description="The first page's state. Default: null.",
            extra=expression_over("call"),
        ),
    ] = None
    next: Annotated[
        str,
        Meta(
            description="The next page's state; null or undefined at the end.",
            extra=bring_names(expression_over("paging"), "state", into=("paging", "call")),
        ),
    ]
    prev: Annotated[
        str | None,
        Meta(description="The previous page's state.", extra=expression_over("paging")),
    ] = None
    send: Annotated[
        str | None,
        Meta(
            description="What the state adds to the request: {query, headers, body, form, path, url}. An object body "
            "is merged over the operation's; path follows base_url; url replaces the complete URL. "
            "Default: nothing, templates use `page`.",
            extra=expression_over("call"),
        ),
    ] = None
    size_param: Annotated[str | None, Meta(description="Query parameter for the page size.", extra=PARAMETER)] = None
    size_body: Annotated[str | None, Meta(description="JSON pointer to the page size in the body.", extra=POINTER)] = (
        None
    )

    @property
    def size_where(self) -> Where:
        """Where to send the page size."""
        return Where(self.size_param, pointer=self.size_body)

    def place(self, state: Any, draft: Draft) -> None:
        """Add the result of `send` to the request; None is the first page."""
        self.drop_first_page_only(state, draft)
        self.put_size(state, draft, self.size_where)
        if self.send is None:
            return
        scope = draft.scope | {"state": self._current(state, draft.scope)}
        additions = _plain(ask(self.send, scope))
        if additions is None:
            return
        unknown = sorted(map(str, additions.keys() - set(_PLACES))) if isinstance(additions, dict) else ["no object"]
        if unknown:
            raise ConfigurationError(
                f"`send` of `pagination` returns {', '.join(unknown)}; allowed are {', '.join(_PLACES)}",
                hint='return an object such as {"query": {"page": state.page}}',
            )
        _apply(additions, draft, from_answer=state is not None)

    def advance(self, state: Any, answer: Answer) -> dict[str, Any] | None:
        """Return the state of the next page; None at the end."""
        current = self._current(state, answer.scope)
        if self.is_end(answer, state=current):
            return None
        value = _plain(answer.ask(self.next, state=current))
        return None if value is None or value in self.end_values else {"state": value}

    def lead(self) -> EndKey | None:
        """Return the key of the next state."""
        return EndKey("next", self.next, "answer")

    def retreat(self, state: Any, answer: Answer) -> dict[str, Any] | None:
        """Return the state of the previous page if `prev` is set."""
        if self.prev is None:
            return None
        value = _plain(answer.ask(self.prev, state=self._current(state, answer.scope)))
        return None if value is None else {"state": value}

    def names(self, state: Any, scope: Scope) -> Names:
        """Return the state's names; `state` for a state that is not an object."""
        current = self._current(state, scope)
        return dict(current) if isinstance(current, dict) else {"state": current}

    def _current(self, state: Any, scope: Scope) -> Any:
        if state is not None:
            return read_token(state, "state")
        return None if self.first is None else _plain(ask(self.first, scope))


def _plain(value: Any) -> Any:
    from conn_engine.expressions import UNDEFINED

    return None if value is UNDEFINED else value


def _apply(additions: dict[str, Any], draft: Draft, *, from_answer: bool) -> None:
    url, path = additions.get("url"), additions.get("path")
    if url is not None:
        if not isinstance(url, str) or not gateway.is_target(url):
            problem = "the `url` that `send` of `pagination` returns is not an absolute http or https URL"
            raise VendorError(problem, kind="bad_response") if from_answer else ConfigurationError(problem)
        draft.url, draft.query, draft.absolute = url, [], True
    elif path is not None:
        draft.url = f"{draft.base}/{str(path).lstrip('/')}"
    for name, value in (additions.get("query") or {}).items():
        draft.set_query(name, value)
    for name, value in (additions.get("headers") or {}).items():
        draft.set_header(name, None if value is None else str(value))
    if "body" in additions:
        draft.body = _merge(draft.body, additions["body"])
    if additions.get("form"):
        draft.body = {**(draft.body if isinstance(draft.body, dict) else {}), **additions["form"]}
        draft.body_format = "form"


def _merge(below: Any, above: Any) -> Any:
    if not isinstance(below, dict) or not isinstance(above, dict):
        return above
    return {**below, **{key: _merge(below.get(key), value) for key, value in above.items()}}
