"""The settings of formats: how to write a body (`body_options`) and how to read one (`response_options`)."""

from typing import Annotated, Literal, TypeAlias

from msgspec import Meta

from conn_engine.bodies.charsets import is_charset
from conn_engine.settings import Settings

__all__ = ["BodyFormat", "BodyOptions", "ResponseFormat", "ResponseOptions"]

BodyFormat: TypeAlias = Literal["json", "form", "multipart", "raw", "xml", "graphql"]
ResponseFormat: TypeAlias = Literal["json", "jsonl", "csv", "tsv", "sse", "xml", "text", "binary"]

_OF_TABLES = ("delimiter", "quote", "escape", "columns", "skip_rows", "ragged", "nulls")
_OF_XML = ("lists", "namespaces")
_MARK = "^[^\\r\\n]$"


class BodyOptions(Settings, frozen=True, kw_only=True):
    """How to write a request body, in detail."""

    multipart: Annotated[
        Literal["form-data", "related", "mixed"],
        Meta(
            description="Kind of multipart body: `form-data` for the fields of a form, `related` for parts that "
            "belong together (the first describes the others), `mixed` for independent parts."
        ),
    ] = "form-data"
    declaration: Annotated[bool, Meta(description="Whether XML starts with the `<?xml …?>` line.")] = True


class ResponseOptions(Settings, frozen=True, kw_only=True):
    """How to read a response, in detail."""

    charset: Annotated[
        str | None,
        Meta(
            description="Character set of the response, if the vendor declares none or a wrong one: latin-1, "
            "windows-1252, utf-16, shift_jis … A byte order mark wins."
        ),
    ] = None
    unpack: Annotated[
        Literal["auto", "none", "gzip", "zip"],
        Meta(
            description="How the response is compressed. `auto` detects gzip and zip by their first bytes, "
            "whatever the content type; a binary response is not unpacked."
        ),
    ] = "auto"
    members: Annotated[
        str,
        Meta(
            min_length=1,
            description="Files of a zip archive to read: `one` (several are an error), `all` in the archive's "
            "order, each as a separate document, or a name pattern such as `*.csv`.",
        ),
    ] = "one"
    delimiter: Annotated[
        Annotated[str, Meta(pattern=_MARK)] | None,
        Meta(description="Character between cells. Default: comma; for tsv, tab."),
    ] = None
    quote: Annotated[
        Annotated[str, Meta(pattern="^[^\\r\\n]?$")] | None,
        Meta(description='Character around cells that contain delimiters. Default: `"`; empty for none.'),
    ] = None
    escape: Annotated[
        Annotated[str, Meta(pattern=_MARK)] | None,
        Meta(description="Character that escapes the next one. Default: none (a quote is escaped by doubling it)."),
    ] = None
    columns: Annotated[
        tuple[str, ...] | None,
        Meta(description="Column names, for a table whose first line is a row."),
    ] = None
    skip_rows: Annotated[
        int,
        Meta(
            ge=0,
            le=10_000,
            description="Number of lines to skip before the table (before the first row, with `columns`).",
        ),
    ] = 0
    ragged: Annotated[
        Literal["error", "fill"],
        Meta(
            description="What to do with a row that has too few cells: `error`, or `fill` the missing ones with "
            "null. Too many cells are always an error."
        ),
    ] = "error"
    nulls: Annotated[tuple[str, ...], Meta(description="Cell values that mean null, such as empty text.")] = ()
    lists: Annotated[
        tuple[str, ...],
        Meta(
            description="Names of XML elements that are lists even if there is only one. Needed for the last "
            "name of `response_path` when there may be no element."
        ),
    ] = ()
    namespaces: Annotated[
        Literal["keep", "strip"],
        Meta(description="Whether XML names keep their prefix and `xmlns` attributes are kept."),
    ] = "keep"

    def __post_init__(self) -> None:
        if self.charset is not None and not is_charset(self.charset):
            raise ValueError(
                f"`charset` {self.charset[:40]!r} is unknown: use a name such as utf-8, latin-1, windows-1252 or utf-16"
            )
        if self.columns is not None and (not self.columns or len(set(self.columns)) < len(self.columns)):
            raise ValueError("`columns` must be names without repetition")

    def explain_misplaced(self, format: str) -> str | None:  # noqa: A002
        """Return why these options do not apply to a response of this format, in one sentence; None if they do."""
        for names, home in ((_OF_TABLES, ("csv", "tsv")), (_OF_XML, ("xml",)), (("charset",), _TEXTUAL)):
            for name in names:
                default = type(self).__struct_defaults__[type(self).__struct_fields__.index(name)]
                if getattr(self, name) != default and format not in home:
                    return f"`{name}` is an option of {' and '.join(home)}, but `response_format` is {format}"
        return None


_TEXTUAL = ("json", "jsonl", "csv", "tsv", "sse", "xml", "text")
