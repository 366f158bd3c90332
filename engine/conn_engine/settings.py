"""What every strategy is built from: documented settings (`Settings`), the request while it is built (`Draft`), and a
response as expressions see it (`Answer`). The strategies are in auth, bodies, listing and responses."""

import codecs
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, ClassVar, Protocol

import msgspec

from conn_engine.conditions import Conditions, Names, Scope, conditions_of
from conn_engine.errors import CredentialError, ExpressionError, TransportError, VendorError
from conn_engine.wire import Completeness, Request, Response

__all__ = ["Answer", "Draft", "Names", "Scope", "Settings", "ask", "fill_templates", "seal_error"]

_MAX_TEXT = 1024 * 1024
_CHARSET = re.compile(
    r'charset\s*=\s*"?((?:utf|iso|us-ascii|ascii|latin|windows|cp|koi8|shift|euc|gb|big5)[\w-]{0,20})', re.I
)


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Base of every typed model of the language. A field's `msgspec.Meta(description=…)` is its documentation.

    `aliases` maps common other spellings to the field's name; the loader renames them before conversion, and the
    published schema accepts them without showing them. `format_aliases` are other names of a strategy's format,
    with the settings that each of them stands for. `moved` has settings that are accepted, and the places where
    they are written now. `is_advanced` marks a format that few connectors need. Strategies of one union set
    `tag_field="format"` and a `tag`; in documents they are written `{format: <tag>, <the fields>}` or `{format:
    <tag>, config: {<the fields>}}`, which are merged in the second form.
    """

    aliases: ClassVar[Mapping[str, str]] = {}
    format_aliases: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    moved: ClassVar[Mapping[str, str]] = {}
    is_advanced: ClassVar[bool] = False


@dataclass(slots=True)
class Draft:
    """A request while it is built. `url` is absolute, with its path percent-encoded and without the query.

    `query` keeps order and repetitions; a value may be a list (encoded later by `query_format`). `body` is data, not
    bytes (None: no body). `absolute` marks a complete URL from a response (a next link): its query is part of `url`,
    and the operation's query is not added again. `files` are the caller's, by name (see `bodies.Upload`); `as_file`
    requests the bytes of the response. `base` is the URL that a path follows (`base_url`, filled in), and `address` is
    the operation's own URL, before a page or a job replaces it. `scope` has the names of the call. `absent` has the
    optional parts of the credential that the account has left out: entries that use them are left out. `notes` are for
    the caller, such as a reduced page size.
    """

    method: str
    url: str
    query: list[tuple[str, Any]] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    body: Any = None
    body_format: str = "json"
    absolute: bool = False
    authorized: bool = False
    files: Mapping[str, Any] = field(default_factory=dict)
    as_file: bool = False
    base: str = ""
    address: str = ""
    notes: list[str] = field(default_factory=list)
    scope: Scope = field(kw_only=True)
    absent: frozenset[str] = frozenset()

    def set_query(self, name: str, value: Any) -> None:
        """Set one query parameter, replacing earlier values of that name; None removes it."""
        position = next((i for i, (key, _) in enumerate(self.query) if key == name), len(self.query))
        self.query = [pair for pair in self.query if pair[0] != name]
        if value is not None:
            self.query.insert(position, (name, value))

    def set_header(self, name: str, value: str | None) -> None:
        """Set one header, ignoring case; None removes it."""
        for key in [key for key in self.headers if key.lower() == name.lower()]:
            del self.headers[key]
        if value is not None:
            self.headers[name] = value


class More(Protocol):
    """Rows that follow, in chunks."""

    @property
    def pending(self) -> bool:
        """Whether there are any, without reading them."""
        ...

    def rest(self) -> list[Any]:
        """Return all of them at once, within a limit."""
        ...

    def __next__(self) -> list[Any]: ...


class Rest(Protocol):
    """What a response contains in addition to its body (see `bodies.Decoded`)."""

    @property
    def more(self) -> "More | None":
        """Further rows, in chunks."""
        ...

    @property
    def content(self) -> Any:
        """The bytes, for callers that need no data (see `bodies.BodyContent`)."""
        ...

    def close(self) -> None:
        """Release its resources."""
        ...


@dataclass(frozen=True, slots=True)
class Answer:
    """A decoded response. `body` is data, and `records` is what `response_path` found (empty for an error response).

    `scope` has the names of the call (`query`, `context`, `id` …); `names()` adds those of the response: `status`,
    `headers` (lower-case names), `body`, `text` (the undecoded body), `request` ({method, url, query, body}).

    `problem` marks an unusable response: a TransportError (there is none, and `response` has the status 0), or a
    VendorError (its body cannot be read). Expressions then see the problem as `fault`, and no `body`.

    For a long response that is read row by row, `body` and `records` are a part, `rest` has what follows, and `earlier`
    counts what came before. `rest` also has the bytes of a binary response.

    `more` has what the explicit rules of a pagination say about a next page, and `completeness` the verdict on the
    listing that ends with this response. `failure` is raised after its records are delivered: it does not lead to the
    next page.
    """

    request: Request
    response: Response
    body: Any
    records: list[Any] = field(default_factory=list)
    scope: Scope = field(kw_only=True)
    sent: Mapping[str, Any] = field(default_factory=dict)
    problem: VendorError | None = None
    rest: Rest | None = None
    earlier: int = 0
    more: list[bool] = field(default_factory=list)
    completeness: Completeness | None = None
    failure: ExpressionError | VendorError | None = None

    @property
    def count(self) -> int:
        """The number of records of the complete response, including earlier parts."""
        return self.earlier + len(self.records)

    def close(self) -> None:
        """Release the resources of a large response."""
        if self.rest is not None:
            self.rest.close()

    def names(self) -> Scope:
        """Return the scope of expressions over this response (error rules, stop rules, next-page expressions)."""
        scope = self.scope | {"records": self.records, "request": dict(self.sent)}
        if isinstance(self.problem, TransportError):
            scope["fault"] = self.problem.fault
            return scope
        scope |= {"status": self.response.status, "headers": self.response.headers.plain()}
        if self.problem is not None:
            scope["fault"] = "body"
        else:
            scope |= {"body": self.body, "response": self.body}
        return scope

    def text(self) -> str:
        """Return the body as text, at most 1 MiB, whatever its format; the message of a fault if there is none."""
        if isinstance(self.problem, TransportError):
            return self.problem.message
        declared = _CHARSET.search(self.response.headers.get("content-type", ""))
        with self.response.open() as reader:
            body = reader.read(_MAX_TEXT)
        try:
            text = str(codecs.decode(body, declared[1] if declared else "utf-8", "replace"))
        except (LookupError, UnicodeError, TypeError):
            text = body.decode("utf-8", "replace")
        return str(self.response.clean(text))

    def ask(self, text: str, **more: Any) -> Any:
        """Return the value of an expression over `names()` and `more`, or `UNDEFINED`. Only the names that it reads are
        passed on.

        A plain dotted path is resolved here: passing a complete page to the evaluator costs more than mapping the page.
        """
        names = self.names()
        if "text" in text and "text" not in names and _reads(text, "text"):
            names["text"] = self.text()  # decoded only if it is read
        names |= more
        return ask(text, names)

    def holds(self, text: str, **more: Any) -> bool:
        """Return whether an expression over `names()` is true in JSONata: undefined, null, 0, "", and anything empty or
        without a true value are false."""
        from conn_engine.expressions import is_true

        return is_true(self.ask(text, **more))

    def field(self, path: str) -> Any:
        """Return the value of an expression over the body (`paging.next.after`), or `UNDEFINED`."""
        from conn_engine.expressions import UNDEFINED

        if self.body is None:
            return UNDEFINED
        return ask(path, self.body, conditions_of(self.scope))


def _reads(text: str, name: str) -> bool:
    from conn_engine.expressions import expression

    roots = expression(text).roots()
    return roots is None or name in roots


_NAME = r"[A-Za-z_][A-Za-z0-9_]*"
_TEXT = r"""(?:"[^"\\]*"|'[^'\\]*')"""
_WALKED = re.compile(
    rf"""({_NAME}(?:\.(?:{_NAME}|"[^"\\.]*"))*)(?:\s*=\s*({_TEXT})|\s+in\s+\[\s*({_TEXT}(?:\s*,\s*{_TEXT})*)\s*\])?"""
)
_TEXTS = re.compile(_TEXT)
_LITERALS = frozenset({"true", "false", "null", "and", "or", "in", "function"})
_ABSENT: Any = object()


def ask(text: str, data: Any, conditions: Conditions | None = None) -> Any:
    """Evaluate an expression over a scope, or over other JSON data under given conditions. A plain path through
    objects, alone or compared with strings, is resolved without the evaluator."""
    from conn_engine.expressions import UNDEFINED, expression

    effective_conditions = conditions or conditions_of(data)
    walked = _parse_path(text) if isinstance(data, dict) else None
    if walked is not None:
        names, texts = walked
        value = _follow_path(names, data)
        if texts is None and not isinstance(value, list):  # JSONata turns a list of one or none into something else
            return UNDEFINED if value is _ABSENT else value
        if texts is not None and (value is _ABSENT or isinstance(value, str)):
            return value in texts
    parsed = expression(text)
    roots = parsed.roots()
    if roots is not None and isinstance(data, dict):
        data = {name: data[name] for name in roots if name in data}
    return parsed.evaluate(data, effective_conditions)


@lru_cache(maxsize=4096)
def _parse_path(text: str) -> tuple[tuple[str, ...], frozenset[str] | None] | None:
    """Return the names of a path, and the strings that its value is compared with (None without a comparison). None for
    any other expression."""
    found = _WALKED.fullmatch(text.strip())
    if found is None:
        return None
    path, equal, among = found.groups()
    names = tuple(name.strip('"') for name in path.split("."))
    if not _LITERALS.isdisjoint(names):
        return None
    compared = equal or among
    return names, None if compared is None else frozenset(literal[1:-1] for literal in _TEXTS.findall(compared))


def _follow_path(names: tuple[str, ...], data: Any) -> Any:
    """Return the value at a path: a list if the path meets one, `_ABSENT` if it ends early."""
    value = data
    for name in names:
        if isinstance(value, list):
            return value
        if not isinstance(value, dict) or name not in value:
            return _ABSENT
        value = value[name]
    return value


def fill_templates(data: Any, scope: Scope, *, purpose: str) -> Any:
    """Return `data` with its templates filled in. Raises CredentialError when a template uses a name that the
    credential, the environment or the context does not have; the message has the name but never a value."""
    from conn_engine.expressions import render

    try:
        return render(data, scope)
    except ExpressionError as error:
        if error.code != "unresolved":
            raise seal_error(error) from None
        raise CredentialError(
            f"{purpose} cannot be made: {error.message}",
            hint="log the account in again, or set the environment variable it names",
        ) from None


def seal_error(error: ExpressionError) -> ExpressionError:
    """Return the error of an expression that can read secrets without its message, which may quote them."""
    return ExpressionError(
        "the expression fails; the reason is not shown, because it could contain secrets",
        code=error.code,
        text=error.text,
        offset=error.offset,
        token=error.token,
        at=error.at,
    )
