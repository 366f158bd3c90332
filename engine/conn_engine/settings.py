"""What every strategy is made of: documented settings (`Settings`), the request while it is built (`Draft`)
and an answer as expressions see it (`Answer`). The strategies themselves live in auth, pagination, bodies,
ratelimit and failures."""

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
    """Base of every typed model of the language. A field's `msgspec.Meta(description=…)` is its
    documentation.

    `aliases` maps spellings in use elsewhere to the field's own name; the loader renames them before
    conversion and the published schema accepts them. Strategies of one union set `tag_field="format"` and a
    `tag`; on disk they are written `{format: <tag>, config: {<the fields>}}`, which the loader flattens
    before conversion.
    """

    aliases: ClassVar[Mapping[str, str]] = {}


@dataclass(slots=True)
class Draft:
    """A request being built. `url` is absolute, its path already percent-encoded, without the query.

    `query` keeps order and repeats; a value may be a list (encoded later by `query_format`). `body` is data,
    not bytes (None: no body). `absolute` marks a URL taken whole from an answer (a next link): its own query
    is part of `url` and the operation's query is not added again. `files` are the caller's, by name
    (see `bodies.Upload`); `as_file`: it wants the answer's bytes. `base` is the URL that a path stands after
    (`base_url`, filled in), `address` the operation's own URL, before a page or a job puts another in its place.
    `scope` has the names of the call. `absent` are the parts of the credential that an account may leave out and has
    left out: what would carry one goes without. `notes` are what a caller should hear of the request: a size that was
    cut.
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
    scope: Scope = field(default_factory=Scope)
    absent: frozenset[str] = frozenset()

    def set_query(self, name: str, value: Any) -> None:
        """Set one query parameter, replacing earlier values of that name; None removes it."""
        at = next((i for i, (key, _) in enumerate(self.query) if key == name), len(self.query))
        self.query = [pair for pair in self.query if pair[0] != name]
        if value is not None:
            self.query.insert(at, (name, value))

    def set_header(self, name: str, value: str | None) -> None:
        """Set one header whatever its letter case; None removes it."""
        for key in [key for key in self.headers if key.lower() == name.lower()]:
            del self.headers[key]
        if value is not None:
            self.headers[name] = value


class More(Protocol):
    """Rows that follow, some at a time."""

    @property
    def pending(self) -> bool:
        """Whether there are any; tells it without reading them."""
        ...

    def rest(self) -> list[Any]:
        """All of them at once, within a bound."""
        ...

    def __next__(self) -> list[Any]: ...


class Rest(Protocol):
    """What an answer holds besides its body (see `bodies.Decoded`)."""

    @property
    def more(self) -> "More | None":
        """Further rows, some at a time."""
        ...

    @property
    def content(self) -> Any:
        """The bytes, for those who want no data (see `bodies.Content`)."""
        ...

    def close(self) -> None:
        """Give back what they take up."""
        ...


@dataclass(frozen=True, slots=True)
class Answer:
    """A response after decoding. `body` is data; `records` what `response_path` found (empty for an error
    answer).

    `scope` holds the names of the call (`query`, `context`, `id` …); `names()` adds the answer's own:
    `status`, `headers` (lower-case names), `body`, `text` (the body as it came), `request` ({method, url, query,
    body}).

    `problem` marks what is no usable answer: a TransportError (there is none; `response` has the status 0), or a
    VendorError (its body cannot be read). Expressions then see what is wrong as `fault`, and no `body`.

    Of a long answer that is read row by row `body` and `records` are a part, `rest` has what follows and `earlier`
    counts what came before. `rest` also has the bytes of a binary answer.
    `more` is what the explicit rules of a pagination say of a next page, `completeness` the verdict on the listing that
    this answer ends. `failure` is raised once its records are delivered: it does not lead to the next page.
    """

    request: Request
    response: Response
    body: Any
    records: list[Any] = field(default_factory=list)
    scope: Scope = field(default_factory=Scope)
    sent: Mapping[str, Any] = field(default_factory=dict)
    problem: VendorError | None = None
    rest: Rest | None = None
    earlier: int = 0
    more: list[bool] = field(default_factory=list)
    completeness: Completeness | None = None
    failure: ExpressionError | VendorError | None = None

    @property
    def count(self) -> int:
        """How many records the whole answer has, those that were handed on earlier included."""
        return self.earlier + len(self.records)

    def close(self) -> None:
        """Give back what a large answer takes up."""
        if self.rest is not None:
            self.rest.close()

    def names(self) -> Scope:
        """The scope of expressions over this answer (error rules, stop rules, next-page expressions)."""
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
        """The body as text, at most 1 MiB of it, whatever its format; the message of a fault where there is none."""
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
        """The value of an expression over `names()` and `more`, or `UNDEFINED`. Only the names it reads are
        handed over.

        A plain dotted path is walked here: handing a whole page to the evaluator costs more than the page's
        mapping.
        """
        names = self.names()
        if "text" in text and "text" not in names and _reads(text, "text"):
            names["text"] = self.text()  # decoded only for those that read it
        names |= more
        return ask(text, names)

    def holds(self, text: str, **more: Any) -> bool:
        """Whether an expression over `names()` is true, by JSONata's idea of truth: undefined, null, 0, ""
        and what is empty or holds nothing true are false."""
        from conn_engine.expressions import is_true

        return is_true(self.ask(text, **more))

    def field(self, path: str) -> Any:
        """The value of an expression over the body (`paging.next.after`), or `UNDEFINED`."""
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
    objects, alone or compared with texts, is walked without the evaluator."""
    from conn_engine.expressions import UNDEFINED, expression

    walked = _parse_path(text) if isinstance(data, dict) else None
    if walked is not None:
        names, texts = walked
        value = _follow_path(names, data)
        if texts is None and not isinstance(value, list):  # JSONata turns a list of one or none into something else
            return UNDEFINED if value is _ABSENT else value
        if texts is not None and (value is _ABSENT or isinstance(value, str)):
            return value in texts
    parsed = expression(text)
    roots, given = parsed.roots(), conditions or conditions_of(data)
    if roots is not None and isinstance(data, dict):
        data = {name: data[name] for name in roots if name in data}
    return parsed.evaluate(data, given)


@lru_cache(maxsize=4096)
def _parse_path(text: str) -> tuple[tuple[str, ...], frozenset[str] | None] | None:
    """The names of a path, and the texts that what is there is compared with (None: with none). None for what is more
    than that."""
    found = _WALKED.fullmatch(text.strip())
    if found is None:
        return None
    path, equal, among = found.groups()
    names = tuple(name.strip('"') for name in path.split("."))
    if not _LITERALS.isdisjoint(names):
        return None
    said = equal or among
    return names, None if said is None else frozenset(one[1:-1] for one in _TEXTS.findall(said))


def _follow_path(names: tuple[str, ...], data: Any) -> Any:
    """What is at a path: a list where the path meets one, `_ABSENT` where it ends."""
    value = data
    for name in names:
        if isinstance(value, list):
            return value
        if not isinstance(value, dict) or name not in value:
            return _ABSENT
        value = value[name]
    return value


def fill_templates(data: Any, scope: Scope, *, purpose: str) -> Any:
    """`data` with its templates filled in. Raises CredentialError when a template names what the credential,
    the environment or the context does not have; the message has the name and never a value."""
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
    """The error of an expression that could read secrets, without its message: that may quote what it worked on."""
    return ExpressionError(
        "the expression fails; why is not said, because it can read secrets",
        code=error.code,
        text=error.text,
        offset=error.offset,
        token=error.token,
        at=error.at,
    )
