"""Rules for habits of other tools whose text is valid but means something else: an expression where a string is sent, a
name that another scope has, the spelling of a header."""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from difflib import get_close_matches
from typing import Final, NamedTuple

from conn_engine.config import MAPPINGS, Path_, format_place
from conn_engine.config.inheritance import find_inherited
from conn_engine.config.models import Configuration
from conn_engine.config.reads import find_note
from conn_engine.diagnostics import Diagnostic, diagnostic, did_you_mean, find_match
from conn_engine.documents import iterate_texts
from conn_engine.errors import ExpressionError
from conn_engine.expressions import expression, find_tokens
from conn_engine.expressions.rewriting import rewrite_join
from conn_engine.expressions.tokens import Token
from conn_engine.lint.layer_view import LayerView
from conn_engine.lint.site import Site
from conn_engine.roles import DELIVERY, SCOPES, TEMPLATES

__all__ = [
    "find_filters_of_the_response",
    "find_header_spellings",
    "find_misspelled_headers",
    "find_needless_prefixes",
    "find_sent_expressions",
    "is_in_mapping",
    "replace_tokens",
    "suggest_name",
    "write_expression",
]

_SENT_PATH: Final = re.compile(
    r"(query|raw_query|body|context|params|before|parent|partition|window|state|page|env)(\.[A-Za-z_]\w*)+"
)
_SENT_QUOTES: Final = re.compile(r"""(["'])([\w .@/-]*)\1""")
_TAKES_PATHS: Final = re.compile(
    r"^(?!.*id$).*(?:expand|include|embed|fields?$|select|sort|order|group|prop|column|attribute)", re.IGNORECASE
)
"""Parameters whose values may name fields of the vendor, such as `expand: body.storage`."""
_TAKES_QUOTES: Final = re.compile(r"if-|etag|filter|quer|search|where|\bq\b|sql|expression", re.IGNORECASE)
"""Headers and parameters whose values may be in quotes: entity tags, and query languages."""
_PREFIXES: Final = {
    "body": frozenset({"body", "response"}),
    "item": frozenset({"record"}),
    "row": frozenset({"record"}),
}
"""The names that authors put before the fields of the value that a scope is."""
_NOT_PLAIN: Final = re.compile(r"""\A[-?:,\[\]{}&*!|>'"%@`]|: | #|[,\[\]{}]""")
"""What a YAML text without quotes cannot contain, also inside brackets."""
_CONSTANTS: Final = {"True": "true", "False": "false", "None": "null", "nil": "null", "undefined": "null"}
_FOREIGN_NAMES: Final = {
    "context": ("config", "connectionConfig", "connection_config", "metadata", "settings", "account"),
    "record": ("item", "row"),
    "response": ("item", "row", "data", "res", "resp", "result", "payload"),
    "body": ("data", "input", "payload"),
    "query": ("args", "input"),
    "request": ("req",),
    "partition": ("stream_slice", "stream_partition"),
    "parent": ("stream_slice", "stream_partition"),
    "window": ("stream_interval",),
    "state": ("stream_state",),
    "page": ("next_page_token",),
    "status": ("status_code", "statusCode"),
    "headers": ("header",),
}
"""The names of other tools for those of Conn. A name may mean several, of which the first in scope is suggested."""
_FIELD: Final = re.compile(r"[a-z0-9](?:_|[A-Z])[A-Za-z]")
"""A name of several words, which is hardly a fixed text."""
_CLOSE: Final = 0.75


def find_sent_expressions(view: LayerView) -> Iterator[Diagnostic]:
    """EXP140: a string that is sent is only a path. EXP141: it is in quotes."""
    for path, text in iterate_texts(view.layer.data):
        is_path, quoted = _SENT_PATH.fullmatch(text), _SENT_QUOTES.fullmatch(text)
        if is_path is None and quoted is None:
            continue
        note = find_note(Configuration, path)
        if note.role not in TEMPLATES:
            continue
        place = Site(path, text, "template", None)
        key = str(path[-1]) if isinstance(path[-1], str) else str(path[-2])
        if is_path is not None and not _TAKES_PATHS.search(key) and _is_in_scope(is_path[1], note.over):
            message = f"{text} is sent as text"
            span, hint = view.locate(place, 0, len(text)), f'write "{{{{{text}}}}}"'
            fix = view.build_fix(place, f"{{{{{text}}}}}", is_certain=False)
            yield diagnostic("EXP140", message, span, path=format_place(path), hint=hint, fix=fix)
        elif quoted is not None and not _TAKES_QUOTES.search(key):
            message = f"{text} is sent with its quotes"
            span = view.locate(place, 0, len(text))
            hint = f"write {quoted[2]}" if quoted[2] else "write an empty text"
            fix = view.build_fix(place, quoted[2], is_certain=False)
            yield diagnostic("EXP141", message, span, path=format_place(path), hint=hint, fix=fix)


def _is_in_scope(name: str, scope: str) -> bool:
    names = SCOPES.get(scope)
    return names is None or name in names


def find_filters_of_the_response(view: LayerView) -> Iterator[Diagnostic]:
    """EXP142: a condition about each record reads only the response, which is the same for all of them."""
    for site in view.sites:
        if site.over != "record" or site.kind != "expression" or site.path[-1] == "transform":
            continue  # a transform may replace the record by the response
        try:
            roots = expression(site.text).roots() or frozenset()
        except ExpressionError:
            continue
        if "response" not in roots or "record" in roots:
            continue
        places = [token for token, _ in _find_roots(find_tokens(site.text), {"response"})]
        message = f"`{site.path[-1]}` reads the response, which is the same for each record"
        span = view.locate(site, places[0].start, len("response")) if places else view.layer.span(site.path)
        correct = replace_tokens(site.text, places, "record")
        fix = view.build_fix(site, correct, is_certain=False)
        hint = f"write {write_expression(correct)}"
        yield diagnostic("EXP142", message, span, path=format_place(site.path), hint=hint, fix=fix)


def find_needless_prefixes(view: LayerView) -> Iterator[Diagnostic]:
    """EXP143: an expression over the body starts with `body`, or one over the record with `record`."""
    for site in view.sites:
        prefixes = _PREFIXES.get(site.over)
        if prefixes is None or site.kind != "expression":
            continue
        tokens = find_tokens(site.text)
        followed = tokens[1:]
        places = [
            token._replace(end=token.end + 1)
            for token, index in _find_roots(tokens, prefixes)
            if index < len(followed) and (followed[index].text, followed[index].start) == (".", token.end)
        ]
        if not places or {place.text for place in places} != _read_roots(site.text):
            continue
        if places[0].text == "response" and not _has_records_elsewhere(view, site):
            continue  # some bodies have such a field
        label = "body" if site.over == "body" else "record"
        message = f'"{places[0].text}" is read as a field of the {label}: the expression is over the {label} itself'
        correct = replace_tokens(site.text, places, "")
        fix = view.build_fix(site, correct, is_certain=False)
        hint = f"write {write_expression(correct)}"
        span = view.locate(site, places[0].start, len(places[0].text))
        yield diagnostic("EXP143", message, span, path=format_place(site.path), hint=hint, fix=fix)


def _has_records_elsewhere(view: LayerView, site: Site) -> bool:
    """Return whether another setting of the operation reads the records outside of a field `response`."""
    data = view.layer.data
    if site.path[0] == "resources":
        records = find_inherited(data, str(site.path[1]), str(site.path[2]), "response_path")
    else:
        records = data.get("response_path")
    return site.path[-1] != "response_path" and isinstance(records, str) and "response" not in _read_roots(records)


def _read_roots(text: str) -> frozenset[str]:
    try:
        return expression(text).roots() or frozenset()
    except ExpressionError:
        return frozenset()


def _find_roots(tokens: Sequence[Token], names: frozenset[str] | set[str]) -> list[tuple[Token, int]]:
    """Return the tokens that read one of the names from the scope, not from another value, with their indexes."""
    return [
        (token, index)
        for index, token in enumerate(tokens)
        if token.kind == "name" and token.text in names and (index == 0 or tokens[index - 1].text != ".")
    ]


def replace_tokens(text: str, tokens: Iterable[Token], new: str) -> str:
    """Return an expression with `new` in place of some of its tokens."""
    parts, start = [], 0
    for token in tokens:
        parts += [text[start : token.start], new]
        start = token.end
    return "".join([*parts, text[start:]])


class HeaderSpelling(NamedTuple):
    """A header that an expression reads under a name that never exists: from `start` to `end` of the text."""

    start: int
    end: int
    correct: str


def find_misspelled_headers(view: LayerView) -> Iterator[Diagnostic]:
    """EXP144: an expression reads a header with capital letters, or with a hyphen outside of quotes."""
    for site, text, offset in view.parts:
        for spelling in find_header_spellings(site, text):
            message = (
                f"{text[spelling.start : spelling.end]} has no value: names of headers are in lower case and quoted"
            )
            start, length = offset + spelling.start, spelling.end - spelling.start
            span, hint = view.locate(site, start, length), f"write {spelling.correct}"
            fix = view.build_part_fix(site, start, length, spelling.correct)
            yield diagnostic("EXP144", message, span, path=format_place(site.path), hint=hint, fix=fix)


def find_header_spellings(site: Site, text: str) -> list[HeaderSpelling]:
    """Return the headers of a response or a delivery that an expression misspells."""
    if "headers." not in text or site.names is None or not ("status" in site.names or site.names >= DELIVERY):
        return []
    tokens = find_tokens(text)
    spellings = []
    for root, index in _find_roots(tokens, {"headers"}):
        first = index + 2
        if (
            first >= len(tokens)
            or tokens[first - 1].text != "."
            or tokens[first].kind not in ("name", "quoted", "string")
        ):
            continue
        last = first
        while tokens[first].kind == "name" and _is_hyphen(tokens, last + 1):
            last += 2
        written = text[tokens[first].start : tokens[last].end]
        name = written if tokens[first].kind == "name" else written[1:-1]
        if name != name.lower() or last > first:
            lower = name.lower()
            correct = f"headers.{lower if lower.isidentifier() else f'`{lower}`'}"
            spellings.append(HeaderSpelling(root.start, tokens[last].end, correct))
    return spellings


def _is_hyphen(tokens: Sequence[Token], index: int) -> bool:
    """Return whether a hyphen without spaces and another name follow."""
    near = tokens[index - 1 : index + 2]
    return (
        len(near) == 3
        and near[1].text == "-"
        and near[2].kind == "name"
        and near[0].end == near[1].start == near[2].start - 1
    )


def write_expression(text: str) -> str:
    """Return the text of a complete expression for a fix: in quotes if YAML needs them."""
    text = text.strip()
    if not _NOT_PLAIN.search(text):
        return text
    return json.dumps(text, ensure_ascii=False) if '"' not in text else "'{}'".format(text.replace("'", "''"))


def is_in_mapping(path: Path_) -> bool:
    """Return whether a place is in a mapping, where `$base` is the result of the levels below."""
    return path[0] == "unified" and not MAPPINGS.isdisjoint(path[3:5])


def suggest_name(site: Site, text: str, root: str) -> tuple[str, str]:
    """Return the fix for a name that a place does not have, and the expression with it. The fix is empty if nothing is
    meant, and the expression if it is not certain."""
    names = site.names or frozenset()
    if root in _CONSTANTS:
        return f"write {_CONSTANTS[root]}", _replace_name(text, root, _CONSTANTS[root])
    if "${" in root:
        joined = rewrite_join(text.strip()[1:-1])
        return f"write {write_expression(joined)}" if joined else "", joined
    path = _read_path(text, root)
    known = [name for name, foreign in _FOREIGN_NAMES.items() if root in foreign and name in names]
    if known:
        correct = _replace_name(text, root, known[0]) if len(known) == 1 else ""
        return f"write {known[0]}{path[len(root) :]}", correct
    if near := get_close_matches(root, sorted(names), n=1, cutoff=_CLOSE):
        correct = _replace_name(text, root, near[0]) if find_match(root, sorted(names))[1] else ""
        return f'did you mean "{near[0]}"?', correct
    if is_in_mapping(site.path):
        return _suggest_text_or_field(site, text, root, path), ""
    if "status" in names and "body" in names:
        return f"write body.{path}", ""
    return did_you_mean(root, names), ""


def _replace_name(text: str, root: str, name: str) -> str:
    """Return an expression that reads another name of its scope."""
    return replace_tokens(text, [token for token, _ in _find_roots(find_tokens(text), {root})], name)


def _suggest_text_or_field(site: Site, text: str, root: str, path: str) -> str:
    sources = ("query",) if site.path[4:5] == ("query_mapping",) else ("response", "body")
    source = next((name for name in sources if name in (site.names or ())), "")
    field = f"write {source}.{path}" if source else ""
    if text.strip() != root or root == site.path[-1]:
        return field
    if field and _FIELD.search(root):
        return f"""{field} to read the field, or quote it if it is a fixed text: '"{root}"'"""
    return f"""quote it: '"{root}"'{f", or {field} to read the field" if field else ""}"""


def _read_path(text: str, root: str) -> str:
    """Return the path that starts with a name in an expression."""
    match = re.search(rf"(?<![\w$.`]){re.escape(root)}(?:\.[A-Za-z_]\w*)*", text)
    return match[0] if match else root
