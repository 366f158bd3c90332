"""Convert an endpoint's request: path template, query and headers."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from msgspec import UNSET

from conn_engine.analysis.drift.contract import Endpoint, Parameter
from conn_engine.secrets import is_secret_name
from conn_import.contract import Losses
from conn_import.path_names import PATH_PARAMETER, get_context_name
from conn_import.secrecy import is_key_name, looks_secret
from conn_import.words import clean_text, to_identifier, to_snake, to_step

__all__ = ["HeaderPlan", "RequestTemplate", "build_request", "plan_headers"]

_FEWEST_USES = 5
"""Fewer operations with a parameter do not show that it belongs to the account."""
_UNSAFE = re.compile(r"[{}\s\\\x00-\x1f\x7f]")


@dataclass(slots=True)
class RequestTemplate:
    """A request. `path` is the template, and `names` maps the document's path parameters to the names of values that
    the caller gives; `supplied` maps those that the account gives to names in its context. `asked` are the query
    parameters that the caller has to give. `lacks_header` is set if the caller also has to give a header."""

    path: str
    names: dict[str, str] = field(default_factory=dict)
    supplied: dict[str, str] = field(default_factory=dict)
    query: dict[str, Any] = field(default_factory=dict)
    headers: dict[str, Any] = field(default_factory=dict)
    asked: list[Parameter] = field(default_factory=list)
    lacks_header: bool = False


@dataclass(slots=True)
class HeaderPlan:
    """Headers that the connector sets for all operations: constants, and values from the account (header to field).
    `query` has the query parameters that most operations require, and the fields of the account that they come from."""

    constant: dict[str, Any] = field(default_factory=dict)
    supplied: dict[str, str] = field(default_factory=dict)
    query: dict[str, str] = field(default_factory=dict)

    @property
    def templates(self) -> dict[str, Any]:
        """Both as the connector's `headers`."""
        return {**self.constant, **{name: f"{{{{context.{key}}}}}" for name, key in self.supplied.items()}}


def build_request(
    endpoint: Endpoint, names: dict[str, str], paged: Sequence[str], plan: HeaderPlan, losses: Losses
) -> RequestTemplate | None:
    """Build the request of an endpoint. `names` are the template names of its path parameters, and `paged` are the
    parameters that pagination sets. Returns None, with a loss, if the path is invalid."""
    text, _, tail = endpoint.path.partition("?")
    rest = PATH_PARAMETER.sub("", text)
    if _UNSAFE.search(rest) or "//" in text or any(part in (".", "..") for part in rest.split("/")):
        losses.add("operations whose path is not a valid URL path", clean_text(endpoint.where, 120))
        return None
    form = RequestTemplate(
        PATH_PARAMETER.sub(lambda found: f"{{{{{names[found[1]]}}}}}", text),
        {outer: name for outer, name in names.items() if not get_context_name(name)},
        {outer: found for outer, name in names.items() if (found := get_context_name(name))},
    )
    if any(mark in endpoint.path for mark in ("{+", "{/", "*}")):
        losses.add("path parameters with several segments: their slashes are encoded", endpoint.where)
    for name, value in parse_qsl(tail, keep_blank_values=True, max_num_fields=200):
        _add_fixed_query(form, name, value, endpoint, losses)
    for one in endpoint.parameters:
        if one.place == "query" and one.name not in paged:
            _add_query(form, one, endpoint, plan, losses)
        elif one.place == "header" and one.name not in plan.templates:
            _add_header(form, one, endpoint, losses)
    if endpoint.media_type:
        form.headers.setdefault("Content-Type", endpoint.media_type)
    return form


def _add_fixed_query(form: RequestTemplate, name: str, value: str, endpoint: Endpoint, losses: Losses) -> None:
    variable = PATH_PARAMETER.fullmatch(value)
    if variable is not None:
        form.query[name] = f"{{{{query.{to_step(name)}}}}}"
        form.asked.append(Parameter(name, "query", required=True))
    elif "{{" in value or is_secret_name(name) or not name:
        losses.add("query values in a path that are templates or may be secrets", clean_text(endpoint.where, 120))
    else:
        form.query[name] = value


def _add_query(form: RequestTemplate, one: Parameter, endpoint: Endpoint, plan: HeaderPlan, losses: Losses) -> None:
    if is_secret_name(one.name):
        if one.required or one.fixed is not UNSET:
            losses.add(f"the parameter {clean_text(one.name, 60)}: it looks like a credential", endpoint.where)
        return
    if one.fixed is not UNSET:
        form.query[one.name] = one.fixed
    elif one.required and one.default is not UNSET:
        form.query[one.name] = one.default
    elif one.required and one.name in plan.query:
        form.query[one.name] = f"{{{{context.{plan.query[one.name]}}}}}"
    elif one.required and "`" not in one.name and "}" not in one.name:
        form.query[one.name] = f"{{{{query.{to_step(one.name)}}}}}"
        form.asked.append(one)
    elif one.required:
        losses.add(
            "required parameters whose names cannot be used in a template",
            f"{endpoint.where}: {clean_text(one.name, 60)}",
        )


def _add_header(form: RequestTemplate, one: Parameter, endpoint: Endpoint, losses: Losses) -> None:
    value = _find_header_value(one)
    if is_key_name(one.name, "header"):
        losses.add(f"the header {clean_text(one.name, 60)}: it looks like a credential", endpoint.where)
    elif value is not UNSET and looks_secret(value):
        losses.add(f"the value of the header {clean_text(one.name, 60)}: it looks like a secret", endpoint.where)
    elif value is not UNSET:
        form.headers[one.name] = value
    elif one.required:
        form.lacks_header = True
        losses.add(f"the required header {clean_text(one.name, 60)}", endpoint.where)


def _find_header_value(one: Parameter) -> Any:
    """Return the fixed value of a header in this document; UNSET if the caller decides."""
    value = one.fixed if one.fixed is not UNSET else one.default
    if value is UNSET and one.required and "version" in one.name.lower():
        value = one.sample
    if value is UNSET or not all(32 <= ord(c) < 127 for c in str(value)):
        return UNSET
    return value if isinstance(value, str) else str(value).lower() if isinstance(value, bool) else str(value)


def plan_headers(endpoints: Sequence[Endpoint]) -> HeaderPlan:
    """Return the headers that more than half of the operations have, unless their values differ, and the query
    parameters that so many require."""
    plan = HeaderPlan(query=_find_account_parameters(endpoints))
    rows: dict[str, list[Parameter]] = {}
    for endpoint in endpoints:
        for one in endpoint.parameters:
            if one.place == "header" and not is_key_name(one.name, "header"):
                rows.setdefault(one.name, []).append(one)
    for name, found in rows.items():
        if len(found) * 2 <= len(endpoints) or not re.fullmatch(r"[A-Za-z0-9!#$%&'*+.^_|~-]+", name):
            continue
        values = {_find_header_value(one) for one in found}
        if any(value is not UNSET and looks_secret(value) for value in values):
            continue
        if len(values) == 1 and UNSET not in values:
            plan.constant[name] = values.pop()
        elif values == {UNSET} and all(one.required for one in found):
            plan.supplied[name] = to_identifier(to_snake(name))
    return plan


def _find_account_parameters(endpoints: Sequence[Endpoint]) -> dict[str, str]:
    """Return the query parameters that most operations require: values of the account, rather than of a call."""
    counts = Counter(
        one.name
        for endpoint in endpoints
        for one in endpoint.parameters
        if one.place == "query"
        and one.required
        and one.fixed is UNSET
        and one.default is UNSET
        and not is_secret_name(one.name)
        and re.fullmatch(r"[A-Za-z][A-Za-z0-9_.-]*", one.name)
    )
    fewest = max(_FEWEST_USES, len(endpoints) // 2 + 1)
    return {name: to_identifier(to_snake(name)) for name, count in counts.items() if count >= fewest}
