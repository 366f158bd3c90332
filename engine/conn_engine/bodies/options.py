"""The settings of formats: how a body is written (`body_options`) and read (`response_options`)."""

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
    """Details of how a request body is written."""

    multipart: Annotated[
        Literal["form-data", "related", "mixed"],
        Meta(
            description="Kind of a multipart body: fields of a form, parts that belong together (the first tells what "
            "the others are), or just parts."
        ),
    ] = "form-data"
    declaration: Annotated[bool, Meta(description="Whether XML begins with its `<?xml …?>` line.")] = True


class ResponseOptions(Settings, frozen=True, kw_only=True):
    """Details of how an answer is read."""

    charset: Annotated[
        str | None,
        Meta(
            description="Character set of a vendor that names none, or a wrong one: latin-1, windows-1252, utf-16, "
            "shift_jis … A byte order mark wins."
        ),
    ] = None
    unpack: Annotated[
        Literal["auto", "none", "gzip", "zip"],
        Meta(
            description="What the answer is packed in. auto: gzip and zip are told by their first bytes, whatever the "
            "content type says; a binary answer stays as it is."
        ),
    ] = "auto"
    members: Annotated[
        str,
        Meta(
            min_length=1,
            description="Files of a zip archive to read: `one` (more than one is an error), `all` in the archive's "
            "order, each as a document of its own, or a pattern of names, such as `*.csv`.",
        ),
    ] = "one"
    delimiter: Annotated[
        Annotated[str, Meta(pattern=_MARK)] | None, Meta(description="Between cells. Default: comma; tsv: tab.")
    ] = None
    quote: Annotated[
        Annotated[str, Meta(pattern="^[^\\r\\n]?$")] | None,
        Meta(description='Around cells that hold delimiters. Default: `"`; empty: none.'),
    ] = None
    escape: Annotated[
        Annotated[str, Meta(pattern=_MARK)] | None,
        Meta(description="Takes a special meaning from the character after it. Default: none, a quote is doubled."),
    ] = None
    columns: Annotated[
        tuple[str, ...] | None,
        Meta(description="Names of the cells, where the table has no line of names."),
    ] = None
    skip_rows: Annotated[
        int, Meta(ge=0, le=10_000, description="Lines before the table (or before the first row, with `columns`).")
    ] = 0
    ragged: Annotated[
        Literal["error", "fill"],
        Meta(description="A row with too few cells is an error, or what it lacks is null. Too many are an error."),
    ] = "error"
    nulls: Annotated[tuple[str, ...], Meta(description="Cells that mean null, such as an empty one.")] = ()
    lists: Annotated[
        tuple[str, ...],
        Meta(
            description="Names of XML elements that are a list even where there is only one, or none where "
            "`response_path` ends with such a name."
        ),
    ] = ()
    namespaces: Annotated[
        Literal["keep", "strip"],
        Meta(description="Whether XML names keep their prefix, and `xmlns` attributes stay."),
    ] = "keep"

    def __post_init__(self) -> None:
        if self.charset is not None and not is_charset(self.charset):
            raise ValueError(
                f"`charset` {self.charset[:40]!r} is unknown; such as utf-8, latin-1, windows-1252, utf-16"
            )
        if self.columns is not None and (not self.columns or len(set(self.columns)) < len(self.columns)):
            raise ValueError("`columns` are names, each of them once")

    def explain_misplaced(self, format: str) -> str | None:  # noqa: A002
        """What is wrong with these options for an answer of this format, in one sentence."""
        for names, home in ((_OF_TABLES, ("csv", "tsv")), (_OF_XML, ("xml",)), (("charset",), _TEXTUAL)):
            for name in names:
                default = type(self).__struct_defaults__[type(self).__struct_fields__.index(name)]
                if getattr(self, name) != default and format not in home:
                    return f"`{name}` is an option of {' and '.join(home)}, and `response_format` is {format}"
        return None


_TEXTUAL = ("json", "jsonl", "csv", "tsv", "sse", "xml", "text")
