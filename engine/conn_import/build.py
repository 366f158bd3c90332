"""From a contract to the data of connector.yaml: names, requests, guesses. Its text is `writing`'s."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from msgspec import UNSET

from conn_engine.analysis.drift.contract import Endpoint, Parameter
from conn_engine.config.host_patterns import base_hosts
from conn_import.contract import Contract, FinishedConnector, Options, Where
from conn_import.default_pagination import find_default_pagination, follows_default, needs_no_pagination
from conn_import.mapping_proposals import ProposedMappings, propose_mappings
from conn_import.multipart import build_body, describe_files
from conn_import.naming import SuggestedName, suggest_names
from conn_import.operation import BuiltOperation
from conn_import.pagination import PaginationGuess, find_page_parameter, guess_pagination
from conn_import.path_names import PathNames
from conn_import.records import find_wrapper, guess_records_path, to_expression
from conn_import.request_keys import move_keys_to_authorization
from conn_import.requests import HeaderPlan, build_request, plan_headers
from conn_import.schemas import FILE, SchemaBook
from conn_import.verify_operation import find_cheapest_read, find_self_read
from conn_import.words import clean_text

__all__ = ["BuiltConnector", "build_connector"]

_GUESS = "guess"


@dataclass(slots=True)
class BuiltConnector:
    """A built connector. `data` is the content of connector.yaml, and `notes` are comments for its keys, by path.
    `left` counts the operations that `only` excluded, and `unused` has those that no proposed mapping uses.
    `operations` are in the document's order, `common` is the connector's pagination, `schemas` is the text of the
    schema file, and `proposed` has the mappings to models."""

    data: dict[str, Any]
    notes: dict[Where, str] = field(default_factory=dict)
    operations: list[BuiltOperation] = field(default_factory=list)
    left: int = 0
    unused: list[BuiltOperation] = field(default_factory=list)
    common: PaginationGuess | None = None
    schemas: str = ""
    proposed: ProposedMappings = field(default_factory=ProposedMappings)

    def to_finished(self, contract: Contract) -> FinishedConnector:
        """Return the connector that is ready to be written."""
        return FinishedConnector(
            format=contract.format,
            title=contract.title,
            data=self.data,
            notes=self.notes,
            operations=[(one.name.text, one.endpoint.where) for one in self.operations],
            losses=contract.losses,
            found=contract.found,
            left=self.left,
            unused=[(one.name.text, one.endpoint.where) for one in self.unused],
            proposed=self.proposed.counts,
            observed=contract.observed,
            webhooks=contract.webhooks,
            files={FILE: self.schemas} if self.schemas else {},
        )


def build_connector(contract: Contract, options: Options) -> BuiltConnector:
    """Build the connector of a contract. It has no operations if none is left, which the caller has to handle."""
    names = suggest_names(contract.endpoints, contract.title)
    chosen = [
        (endpoint, names[n])
        for n, endpoint in enumerate(contract.endpoints)
        if _is_wanted(endpoint, names[n], options.only)
    ]
    built = BuiltConnector({}, left=len(contract.endpoints) - len(chosen))
    if options.only:
        contract.losses.forget(
            _build_left_out_check(
                contract,
                [endpoint for endpoint, _ in chosen],
                lambda path: any(fnmatchcase(path, pattern) for pattern in options.only),
            )
        )
    move_keys_to_authorization(contract, [endpoint for endpoint, _ in chosen])
    if contract.authorization_loss and contract.authorization is None:
        contract.losses.add(contract.authorization_loss)
    plan = plan_headers([endpoint for endpoint, _ in chosen])
    paths = PathNames(endpoint.path for endpoint in contract.endpoints)
    for endpoint, name in chosen:
        operation = _build_operation(endpoint, name, paths, plan, contract)
        if operation is not None:
            built.operations.append(operation)
    built.proposed = propose_mappings(built.operations, options.models)
    if not options.only:
        _leave_out_unused(built, contract)
    common = built.common = find_default_pagination(built.operations)
    for operation in built.operations:
        _note_paging(operation, common, contract)
    arrays = _find_common_arrays(built.operations)
    built.data = _build_data(contract, options, plan, built)
    if arrays and arrays != "repeat":
        built.data["query_format"] = {"arrays": arrays}
    if common is not None:
        built.data["pagination"] = common.settings
        built.notes[("pagination",)] = f"{_GUESS}, from {common.clue}"
    if any("429" in endpoint.failures for endpoint in contract.endpoints):
        built.data["rate_limit"] = {"limited_when": "status = 429"}
        built.notes["rate_limit",] = f"{_GUESS}: the document has this status"
    verify = find_cheapest_read(built.operations)
    if verify is not None:
        built.data["verify"] = verify.name.text
        built.notes[("verify",)] = f"{_GUESS}: a call that needs no parameters"
    book = SchemaBook()
    kept = {
        one.name.text: book.add(one.name.text, one.endpoint, observed=contract.observed) for one in built.operations
    }
    built.schemas = book.format(contract.losses)
    resources: dict[str, dict[str, Any]] = {}
    for operation in built.operations:
        row = _build_row(operation, contract, common, arrays or "repeat", built.notes)
        row |= kept[operation.name.text] if built.schemas else {}
        resources.setdefault(operation.name.resource, {})[operation.name.method] = row
    built.data["resources"] = resources
    return built


def _is_wanted(endpoint: Endpoint, name: SuggestedName, only: Sequence[str]) -> bool:
    if not only:
        return True
    texts = (endpoint.path, name.text, name.resource, endpoint.name, *endpoint.tags)
    return any(fnmatchcase(text, pattern) for text in texts for pattern in only)


def _leave_out_unused(built: BuiltConnector, contract: Contract) -> None:
    """Leave out the operations of resources that no proposed mapping uses, except the one about the account itself,
    which verifies the credential. Without a proposal, nothing is left out."""
    used = built.proposed.vendor_resources
    if not used:
        return
    itself = find_self_read(built.operations)
    kept = [one for one in built.operations if one.name.resource in used or one is itself]
    built.unused = [one for one in built.operations if one.name.resource not in used and one is not itself]
    built.operations = kept
    paths = tuple(one.endpoint.path for one in kept)
    contract.losses.forget(
        _build_left_out_check(
            contract,
            [one.endpoint for one in kept],
            lambda path: path in paths or path.startswith(tuple(f"{one}/" for one in paths)),
        )
    )


def _build_left_out_check(
    contract: Contract, chosen: Sequence[Endpoint], is_wanted: Callable[[str], bool]
) -> Callable[[str], bool]:
    """Return a predicate: whether a place is an operation that was not chosen. Unusable operations count by path."""
    kept, known = ({endpoint.where for endpoint in some} for some in (chosen, contract.endpoints))

    def is_left_out(place: str) -> bool:
        method, _, path = place.partition(" ")
        if place in kept or not (method.isupper() and path.startswith("/")):
            return False
        return place in known or not is_wanted(path)

    return is_left_out


def _build_operation(
    endpoint: Endpoint, name: SuggestedName, paths: PathNames, plan: HeaderPlan, contract: Contract
) -> BuiltOperation | None:
    path = guess_records_path(endpoint.answer.shape, name) or ()
    listing = name.many and not endpoint.answer.format
    paging = guess_pagination(endpoint) if listing else None
    set_by_paging = paging.parameters if paging is not None else []
    path_names = paths.name_parameters(endpoint.path, item=name.item)
    form = build_request(endpoint, path_names, set_by_paging, plan, contract.losses)
    if form is None:
        return None
    _note_records(endpoint, name, path, contract)
    if paging is not None and paging.ends and paging.size is not None and paging.size.maximum:
        form.query.setdefault(paging.size.name, paging.size.maximum)
    return BuiltOperation(endpoint, name, form, path, paging, find_wrapper(endpoint.answer.shape, path, name))


def _note_records(endpoint: Endpoint, name: SuggestedName, path: tuple[str, ...], contract: Contract) -> None:
    """Note a list operation if the document does not say where its records are."""
    shape = endpoint.answer.shape
    if name.method == "list" and not path and (shape is None or shape.type != "array"):
        contract.losses.add("the path to the records in the response: the document does not give it", endpoint.where)


def _note_paging(operation: BuiltOperation, common: PaginationGuess | None, contract: Contract) -> None:
    """Note a page parameter if the document does not say how to get the next page."""
    endpoint = operation.endpoint
    if not operation.name.many or operation.paging is not None or follows_default(operation, common):
        return
    if param := find_page_parameter(endpoint):
        what = "pagination: a parameter shows that there are pages, but the response schema does not show the next one"
        contract.losses.add(what, f"{endpoint.where} ({clean_text(param, 40)})")


def _find_common_arrays(operations: Sequence[BuiltOperation]) -> str:
    counts = Counter(one.arrays for op in operations for one in op.endpoint.parameters if one.arrays)
    return max(sorted(counts), key=lambda style: counts[style]) if counts else ""


def _build_data(contract: Contract, options: Options, plan: HeaderPlan, built: BuiltConnector) -> dict[str, Any]:
    fields = list(contract.fields)
    for sent, key in (*plan.supplied.items(), *plan.query.items()):
        if all(row["name"] != key for row in fields):
            fields.append({"name": key, "description": f"Sent as {clean_text(sent, 80)}"})
            contract.context[key] = "example"
    for key, one in _find_path_context(built.operations).items():
        if all(row["name"] != key for row in fields):
            described = one.description if one is not None else ""
            fields.append({"name": key, "description": described or "In the path of the requests"})
            contract.context[key] = str(one.sample) if one is not None and one.sample is not UNSET else "example"
            built.notes[("fields",)] = f"{_GUESS}: nearly all paths have {key}"
    data: dict[str, Any] = {"label": contract.title or options.name}
    for key, value in (
        ("description", contract.description),
        ("docs_url", contract.docs_url),
        ("base_url", contract.base_url),
        ("fields", fields),
    ):
        if value:
            data[key] = value
    data["credentials"] = contract.credentials or {"format": "none"}
    data["authorization"] = contract.authorization or {"format": "none"}
    if contract.hosts:  # then they are all that may get the credential, those of other URLs too
        own = {str(n): {"base_url": one.endpoint.base_url} for n, one in enumerate(built.operations)}
        data["hosts"] = _merge_hosts(contract.hosts, base_hosts({**data, "resources": own}))
    if plan.templates:
        data["headers"] = plan.templates
    return data


def _find_path_context(operations: Sequence[BuiltOperation]) -> dict[str, Parameter | None]:
    """Return the values of the account that paths contain, by name, with the parameter that describes each."""
    found: dict[str, Parameter | None] = {}
    for one in operations:
        for outer, name in one.form.supplied.items():
            found[name] = found.get(name) or one.endpoint.parameter("path", outer)
    return found


def _merge_hosts(listed: list[str], found: Sequence[str]) -> list[str]:
    """Return the listed hosts and the hosts of other URLs. A pattern that covers a listed host is left out."""
    ends = [pattern.removeprefix("*") for pattern in found if pattern.startswith("*")]
    existing = {f"*{end}" for end in ends if any(host.endswith(end) for host in listed)}
    return [*listed, *(host for host in found if host not in listed and host not in existing)]


def _build_row(
    operation: BuiltOperation, contract: Contract, common: PaginationGuess | None, arrays: str, notes: dict[Where, str]
) -> dict[str, Any]:
    endpoint, form = operation.endpoint, operation.form
    operation_path: Where = ("resources", operation.name.resource, operation.name.method)
    row: dict[str, Any] = {}
    if endpoint.summary:
        row["description"] = endpoint.summary
    row |= {"method": endpoint.method, "path": form.path}
    if endpoint.base_url:
        row["base_url"] = endpoint.base_url
    if form.query:
        row["query"] = form.query
        if (
            operation.paging is not None
            and operation.paging.size is not None
            and operation.paging.size.name in form.query
        ):
            notes[(*operation_path, "query", operation.paging.size.name)] = "the maximum page size"
    if form.headers:
        row["headers"] = form.headers
    if endpoint.body_format in ("form", "graphql", "multipart", "raw"):
        row["body_format"] = endpoint.body_format
    if endpoint.fixed_body is not UNSET:
        row["body"] = endpoint.fixed_body
    if endpoint.body_format == "raw":
        notes[*operation_path, "body_format"] = "text, or a file from the caller"
    if endpoint.body_format == "multipart":
        if note := describe_files(endpoint):
            notes[*operation_path, "body_format"] = note
        if body := build_body(endpoint, contract.losses):
            row["body"] = body
    if endpoint.answer.format:
        row["response_format"] = endpoint.answer.format
    if operation.records or operation.wrapper:
        path = to_expression((*operation.records, *filter(None, [operation.wrapper])))
        row["response_path"] = f"[{path}]" if operation.wrapper else path  # a listing may have no records
        notes[(*operation_path, "response_path")] = _GUESS
    if operation.reads_by_post:
        row["writes"] = False
        notes[(*operation_path, "writes")] = f"{_GUESS}: a POST that reads"
    _add_own_settings(row, operation, common, arrays=arrays, contract=contract, notes=notes)
    if endpoint.deprecated:
        row["deprecated"] = {"sunset": endpoint.sunset} if endpoint.sunset else {}
    return row


def _add_own_settings(
    row: dict[str, Any],
    operation: BuiltOperation,
    common: PaginationGuess | None,
    *,
    arrays: str,
    contract: Contract,
    notes: dict[Where, str],
) -> None:
    """Paging and list spelling, where the operation differs from the connector."""
    paging = operation.paging
    operation_path: Where = ("resources", operation.name.resource, operation.name.method)
    if paging is not None and (common is None or paging.settings != common.settings):
        row["pagination"] = paging.settings
        notes[(*operation_path, "pagination")] = f"{_GUESS}, from {paging.clue}"
    elif needs_no_pagination(operation, common):
        row["pagination"] = {"format": "none"}
    styles = {one.arrays for one in operation.endpoint.parameters if one.arrays}
    if len(styles) > 1:
        contract.losses.add("lists in the query that one operation writes in two ways", operation.endpoint.where)
    elif styles and styles != {arrays}:
        row["query_format"] = {"arrays": styles.pop()}
