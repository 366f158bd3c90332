"""Rules for expressions: their syntax, functions and names, and what means something else in JavaScript or Python."""

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from conn_engine.config import format_place
from conn_engine.config.merge import is_filter
from conn_engine.diagnostics import Diagnostic, diagnostic, did_you_mean, find_match
from conn_engine.errors import ExpressionError
from conn_engine.expressions import expression, find_tokens, known_functions, template
from conn_engine.expressions.rewriting import rewrite_call, rewrite_habits
from conn_engine.expressions.tokens import Token
from conn_engine.lint.allowed_values import find_allowed_values
from conn_engine.lint.habit_rules import (
    find_header_spellings,
    is_in_mapping,
    replace_tokens,
    suggest_name,
    write_expression,
)
from conn_engine.lint.layer_view import LayerView
from conn_engine.lint.site import Site

__all__ = [
    "check_functions",
    "check_names",
    "check_syntax",
    "check_variables",
    "find_constant_filters",
    "find_filtered_lists",
    "find_text_sums",
]

_LONGEST_TEMPLATE = 2000
_EXPRESSION_OF_TEMPLATE = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
_WORDS = re.compile(r"[A-Za-z][\w-]*(?: [\w-]+)+")
_OPERANDS = frozenset({"name", "quoted", "variable"})


def check_syntax(view: LayerView) -> Iterator[Diagnostic]:
    """EXP101: an expression or template does not parse."""
    for site in view.sites:
        try:
            if site.kind == "template":
                for text, offset in template(site.text).expressions:
                    yield from _check_expression(view, site, text, offset)
            else:
                yield from _check_expression(view, site, site.text, 0)
        except ExpressionError as error:
            yield _build_syntax_finding(view, site, site.text, error, 0)


def _check_expression(view: LayerView, site: Site, text: str, offset: int) -> Iterator[Diagnostic]:
    try:
        expression(text)
    except ExpressionError as error:
        yield _build_syntax_finding(view, site, text, error, offset)


def _build_syntax_finding(view: LayerView, site: Site, text: str, error: ExpressionError, shift: int) -> Diagnostic:
    offset = error.offset + shift if error.offset >= 0 else -1
    span = view.locate(site, offset, len(error.token))
    hint, fixed = _rewrite_syntax(site, text)
    fix = view.build_fix(site, fixed) if fixed else None
    return diagnostic("EXP101", error.message, span, path=format_place(site.path), hint=hint or error.hint, fix=fix)


def _rewrite_syntax(site: Site, text: str) -> tuple[str, str]:
    """Return the fix for an invalid expression, in words and as the string to write; for a template, that of its first
    expression with a known mistake. Both are empty if none is certain."""
    if site.kind == "template":
        for found in _EXPRESSION_OF_TEMPLATE.finditer(site.text) if len(site.text) <= _LONGEST_TEMPLATE else ():
            if rewritten := rewrite_habits(found[1].strip(), is_value=True):
                correct = f"{{{{{rewritten}}}}}"
                return f"write {correct}", site.text[: found.start()] + correct + site.text[found.end() :]
        return "", ""
    if rewritten := rewrite_habits(text, is_value=is_in_mapping(site.path)):
        return f"write {write_expression(rewritten)}", rewritten
    if is_in_mapping(site.path) and _WORDS.fullmatch(text):
        return f"""quote it: '"{text}"'""", f'"{text}"'
    return "", ""


def check_functions(view: LayerView) -> Iterator[Diagnostic]:
    """EXP102: an expression calls an unknown function, or one without its `$`."""
    known = known_functions()
    for site, text, offset in view.parts:
        try:
            calls = expression(text).calls()
        except ExpressionError:
            continue
        for name, at in calls:
            if name not in known:
                hint = did_you_mean(name, known)
                hint = hint.replace('"', '"$', 1) if hint else "list the functions: conn explain functions"
                span = view.locate(site, offset + at, len(name) + 1)
                meant, is_certain = find_match(name, known)
                start, length = offset + at, len(name) + 1
                fix = view.build_part_fix(site, start, length, f"${meant}", is_certain=is_certain) if meant else None
                message, place = f"unknown function ${name}", format_place(site.path)
                yield diagnostic("EXP102", message, span, path=place, hint=hint, fix=fix)
        yield from _find_bare_calls(view, site, text, offset)


def _find_bare_calls(view: LayerView, site: Site, text: str, offset: int) -> Iterator[Diagnostic]:
    tokens = find_tokens(text)
    for token, opening in pairwise(tokens):
        if token.kind != "name" or opening.text != "(" or opening.kind != "operator":
            continue
        if rewritten := rewrite_call(text, token.text, token.start).strip():
            span = view.locate(site, offset + token.start, len(token.text))
            message = f"{token.text} is not a function: the name of a function starts with $"
            fixed = rewritten if site.kind == "template" else write_expression(rewritten)
            fix = view.build_part_fix(site, offset + text.index(text.strip()), len(text.strip()), rewritten)
            yield diagnostic("EXP102", message, span, path=format_place(site.path), hint=f"write {fixed}", fix=fix)


def check_names(view: LayerView) -> Iterator[Diagnostic]:
    """EXP103: an expression reads an unknown name. EXP104: it reads env or a credential outside of authorization."""
    for site, text, offset in view.parts:
        if site.names is None:
            continue
        try:
            roots = expression(text).roots()
        except ExpressionError:
            continue
        headers = find_header_spellings(site, text)
        for root in sorted(map(str, (roots or frozenset()) - site.names)):
            at = _find_word(text, root)
            if any(header.start <= at < header.end for header in headers) or rewrite_call(text, root, at):
                continue  # reported as EXP144 or EXP102
            span = view.locate(site, offset + at if at >= 0 else -1, len(root))
            if root in ("env", "oauth", "credentials", "secrets"):
                message = f'"{root}" is not available here: only authorization can read secrets'
                hint = "move it to `authorization`, or use a value of the account's `context`"
                yield diagnostic("EXP104", message, span, path=format_place(site.path), hint=hint)
                continue
            hint, correct = suggest_name(site, text, root)
            if text.strip() == root and root in find_allowed_values(view.target, site.path):
                hint, correct = f"""quote it: '"{root}"'""", f'"{root}"'
            fix = view.build_part_fix(site, offset, len(text), correct) if correct else None
            if not hint and site.credential:
                hint = f"declare a secret of the account: fields: [{{name: {root}, secret: true, required: false}}]"
            hint = hint or f"use one of: {', '.join(sorted(site.names))}"
            message = f'unknown name "{root}"'
            yield diagnostic("EXP103", message, span, path=format_place(site.path), hint=hint, fix=fix)


def check_variables(view: LayerView) -> Iterator[Diagnostic]:
    """EXP103: an expression reads a variable that is not set, in a place whose names are known."""
    for site, text, offset in view.parts:
        if site.names is None:
            continue
        try:
            overrides_filter = is_filter(site.path) and view.layer.level != "base"
            given = {"base"} if overrides_filter or is_in_mapping(site.path) else set()
            unset = expression(text).variables() - known_functions() - site.names - given
        except ExpressionError:
            continue
        for name in sorted(unset - {called for called, _ in expression(text).calls()}):
            at = text.find(f"${name}")
            span = view.locate(site, offset + at, len(name) + 1)
            near = did_you_mean(name, [*given, *site.names])
            hint = near.replace('"', '"$' if "base" in near else '"', 1) or f"set it first: (${name} := …; …)"
            yield diagnostic("EXP103", f"${name} is not set", span, path=format_place(site.path), hint=hint)


def _find_word(text: str, word: str) -> int:
    found = re.search(rf"(?<![\w$.]){re.escape(word)}\b", text)
    return found.start() if found else text.find(word)


def find_constant_filters(view: LayerView) -> Iterator[Diagnostic]:
    """EXP130: `response['name']` filters by a constant, where a field is meant."""
    for site, text, offset in view.parts:
        tokens = find_tokens(text)
        for before, opening, key, closing in zip(tokens, tokens[1:], tokens[2:], tokens[3:], strict=False):
            if (opening.text, key.kind, closing.text) != ("[", "string", "]") or not _ends_operand(before):
                continue
            span = view.locate(site, offset + opening.start, closing.end - opening.start)
            message = f"[{key.text}] is a filter by constant text, which keeps everything"
            name = key.text.lower() if before.text == "headers" else key.text
            correct = f".{_write_name(name)}"
            hint = f"write {correct} to read the field"
            fix = view.build_part_fix(site, offset + opening.start, closing.end - opening.start, correct)
            yield diagnostic("EXP130", message, span, path=format_place(site.path), hint=hint, fix=fix)


def find_text_sums(view: LayerView) -> Iterator[Diagnostic]:
    """EXP131: `a + ' ' + b` adds numbers, where strings should be joined."""
    for site, text, offset in view.parts:
        tokens = find_tokens(text)
        for index, token in enumerate(tokens):
            around = tokens[max(index - 1, 0) : index + 2]
            if token.text != "+" or token.kind != "operator" or not any(one.kind == "string" for one in around):
                continue
            joined = _write_join(text, tokens)
            yield diagnostic(
                "EXP131",
                "+ adds numbers, but one side is text",
                view.locate(site, offset + token.start),
                path=format_place(site.path),
                hint=f"write {write_expression(joined)}"
                if joined
                else "to join text, write `&`; to add numbers, convert the text with $number(…)",
                fix=view.build_part_fix(site, offset, len(text), joined) if joined else None,
            )
            break  # the other signs of the chain are the same mistake


def find_filtered_lists(view: LayerView) -> Iterator[Diagnostic]:
    """EXP132: `[a, b][filter].name` has no value if one item is left."""
    for site, text, offset in view.parts:
        tokens = find_tokens(text)
        for index, opening in enumerate(tokens):
            if opening.text != "[" or opening.kind != "operator" or (index and _ends_operand(tokens[index - 1])):
                continue
            last = end = _find_closing(tokens, index)
            while end + 1 < len(tokens) and tokens[end + 1].text == "[":
                end = _find_closing(tokens, end + 1)
            if end == last or end + 1 >= len(tokens) or tokens[end + 1].text != ".":
                continue
            start, stop = opening.start, tokens[last].end
            message = "a list that is filtered before a step has no value if one item is left"
            correct = f"({text[start:stop]})"
            yield diagnostic(
                "EXP132",
                message,
                view.locate(site, offset + start, stop - start),
                path=format_place(site.path),
                hint="put the list in parentheses: ([…])[…].…",
                fix=view.build_part_fix(site, offset + start, stop - start, correct),
            )


def _find_closing(tokens: Sequence[Token], opening: int) -> int:
    """Return the index of the bracket that closes the one at `opening`, or of the last token without one."""
    depth = 0
    for index in range(opening, len(tokens)):
        if tokens[index].kind == "operator":
            depth += (tokens[index].text == "[") - (tokens[index].text == "]")
        if depth == 0:
            return index
    return len(tokens) - 1


def _write_join(text: str, tokens: Sequence[Token]) -> str:
    """Return the expression with `&` for each `+`, or an empty string if a number is added anywhere in it."""
    signs = []
    for before, sign, after in zip(tokens, tokens[1:], tokens[2:], strict=False):
        if sign.text == "+" and sign.kind == "operator":
            if "number" in (before.kind, after.kind):
                return ""
            signs.append(sign)
    return replace_tokens(text, signs, "&")


def _ends_operand(token: Token) -> bool:
    """Return whether a `[` after the token is a filter. Otherwise, it starts a list."""
    return token.kind in _OPERANDS or (token.kind == "operator" and token.text in (")", "]", "}"))


def _write_name(text: str) -> str:
    inside = text[1:-1]
    return inside if inside.isidentifier() else f"`{inside}`"
