"""The formula of the score: each part is a share of its points, and what is missing from it is a next step.

The points of all parts add up to 100. `docs/reference/score.md` describes them.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from msgspec import to_builtins

from conn_engine.analysis.score.capabilities import name_logins
from conn_engine.analysis.score.contract import CONTRACT_FILE, NOT_OFFERED_PARTS, PublishedContract
from conn_engine.analysis.score.evidence import SCENARIOS, UPDATED_AFTER, ReplayedCases, maps_deleted
from conn_engine.analysis.score.model import MutationFigures, NextStep, ResourceFigures, ScorePart
from conn_engine.config import Effective
from conn_engine.config.vendors import find_known
from conn_engine.diagnostics import pluralize

__all__ = ["FEWEST_LINES", "POINTS", "Findings", "score_parts"]

POINTS: Final = {
    "operations": 15,
    "fields": 15,
    "tests": 20,
    "contract": 10,
    "scenarios": 15,
    "webhooks": 8,
    "incremental": 4,
    "deletes": 4,
    "rate_limit": 3,
    "login": 3,
    "readme": 3,
}
"""The points of each part."""
FEWEST_LINES: Final = 10
"""A README with fewer lines does not describe how to get credentials."""
SHOWN: Final = 5
_ADVICE: Final = {
    "several_pages": (
        "no listing is recorded over three pages",
        "conn record {listing} -c {connector} --from-body 1.json --page 2.json --page 3.json, or --account ACCOUNT",
    ),
    "empty": (
        "no empty listing is recorded",
        "conn record {listing} -c {connector} --from-body empty.json --scenario empty",
    ),
    "error": (
        "no error is recorded",
        "conn record {reading} -c {connector} -p id=0 --from-body error.json --status 404 --scenario not_found",
    ),
    "rate_limited": (
        "no reached rate limit is recorded",
        "conn record {listing} -c {connector} --from-body error.json --status 429 --scenario rate_limited",
    ),
    "unauthorized": (
        "no refused credential is recorded",
        "conn record {listing} -c {connector} --from-body error.json --status 401 --scenario unauthorized",
    ),
}


@dataclass(frozen=True, slots=True)
class Findings:
    """Everything that the parts are computed from. `readme` is the number of its lines that somebody
    wrote."""

    effective: Effective
    resources: Sequence[ResourceFigures]
    replayed: ReplayedCases
    mutation: MutationFigures | None
    failing: str
    contract: PublishedContract
    readme: int

    @property
    def connector(self) -> str:
        """The name of the connector."""
        return self.effective.connector_name

    @property
    def folder(self) -> str:
        """The connector's folder in the workspace."""
        return f"connectors/{self.connector}"


@dataclass(frozen=True, slots=True)
class _Gap:
    """What is missing from a part: the share of its points, and what to do."""

    share: float
    missing: str
    do: str


@dataclass(frozen=True, slots=True)
class _Measured:
    detail: str
    gaps: Sequence[_Gap] = ()
    not_offered: str = ""
    declared: float = 0.0


def score_parts(findings: Findings) -> tuple[list[ScorePart], list[NextStep]]:
    """Return the parts of the score, and what is missing, the most points first. A part that the vendor does not offer
    has no points to reach, so that those of the others weigh more."""
    measured = {name: _apply_not_offered(findings, name, _MEASURES[name](findings)) for name in POINTS}
    scale = 100 / sum(of for name, of in POINTS.items() if not measured[name].not_offered)
    parts, steps = [], []
    for name, row in measured.items():
        of = 0 if row.not_offered else POINTS[name]
        lost = min(1.0, sum(gap.share for gap in row.gaps))
        points = round(of * (1 - lost), 1)
        declared = round(POINTS[name] * row.declared, 1)
        parts.append(
            ScorePart(
                name=name, points=points, of=of, declared=declared, detail=row.detail, not_offered=row.not_offered
            )
        )
        steps += [
            NextStep(part=name, missing=gap.missing, do=gap.do, points=round(scale * of * min(1.0, gap.share), 1))
            for gap in row.gaps
        ]
    return parts, sorted(steps, key=lambda step: -step.points)


def _apply_not_offered(findings: Findings, name: str, measured: _Measured) -> _Measured:
    """Return a part without gaps if the vendor does not offer it. What the connector has nevertheless counts as it
    is."""
    reason = findings.contract.not_offered.get(name, "") if name in NOT_OFFERED_PARTS else ""
    if not reason:
        return measured
    if sum(gap.share for gap in measured.gaps) >= 1:
        return _Measured(f"not offered: {reason}", not_offered=reason, declared=1.0)
    do = f"remove {name} from not_offered of {findings.folder}/{CONTRACT_FILE}"
    gap = _Gap(0, f"{name} is in not_offered, although the connector has it", do)
    return _Measured(measured.detail, [*measured.gaps, gap])


def _declare(findings: Findings, name: str, condition: str = "the vendor does not offer it") -> str:
    place = f"not_offered of {findings.folder}/{CONTRACT_FILE}"
    return f"; if {condition}, write it in {place}, as {name}: REASON"


def _measure_operations(findings: Findings) -> _Measured:
    mapped = [(row, row.operations, row.missing_operations) for row in findings.resources]
    usual = sum(len(operations) + len(missing) for _, operations, missing in mapped)
    absent = sum(len(row.operations_not_offered) for row in findings.resources)
    if not usual:
        do = f"map one of your resources in {findings.folder}/unified/MODEL.yaml: conn explain unified"
        return _Measured("no operation is mapped to a model", [_Gap(1, "no operation is mapped to a model", do)])
    gaps = [
        _Gap(
            len(missing) / usual,
            f"{row.resource}: {', '.join(missing)} not mapped",
            f"add {' and '.join(missing)} in {_locate(findings, row)}; what the vendor does not have belongs in "
            f"not_offered of {findings.folder}/{CONTRACT_FILE}, as {row.resource}.{missing[0]}: REASON",
        )
        for row, _, missing in mapped
        if missing
    ]
    present = usual - sum(len(missing) for _, _, missing in mapped)
    detail = f"{present} of {usual} operations of {pluralize(len(mapped), 'resource')}"
    return _Measured(detail, [*gaps, *_doubt_declarations(findings)], declared=absent / (usual + absent))


def _doubt_declarations(findings: Findings) -> Iterator[_Gap]:
    """Yield a remark on each operation that is declared as not offered, although the vendor's resource has it. It may
    still be true, such as for people who are only a field of a company."""
    effective = findings.effective
    offered = {(name.resource, name.method) for name in effective.operations() if name.kind == "vendor"}
    for row in findings.resources:
        model, _, resource = row.resource.partition(".")
        operation = effective.get_unified(model, resource, row.operations[0])
        used = operation.resource if operation is not None else None
        for method in row.operations_not_offered:
            if used is not None and (used, method) in offered:
                yield _Gap(
                    0,
                    f"{row.resource}.{method} is in not_offered, although {used}.{method} is in connector.yaml",
                    f"map it in {_locate(findings, row)}, or say in not_offered of {findings.folder}/{CONTRACT_FILE} "
                    "why it is not the same",
                )


def _measure_fields(findings: Findings) -> _Measured:
    expected = sum(row.fields - row.served_elsewhere - row.not_offered for row in findings.resources)
    if not expected:
        return _Measured(
            "no field of a model is mapped", [_Gap(1, "no field of a model is mapped", _map_first(findings))]
        )
    gaps = [
        _Gap(
            len(row.missing_fields) / expected,
            f"{row.resource}: {pluralize(len(row.missing_fields), 'field')} of {row.record} not mapped: "
            f"{_join(row.missing_fields)}",
            _advise_fields(findings, row),
        )
        for row in findings.resources
        if row.missing_fields
    ]
    mapped = sum(row.mapped for row in findings.resources)
    only_here = sum(row.served_only_here for row in findings.resources)
    marked = f", {only_here} of them only by this connector" if only_here else ""
    absent = sum(row.not_offered for row in findings.resources)
    marked += f"; the vendor does not have {absent}" if absent else ""
    return _Measured(f"{mapped} of {expected} model fields mapped{marked}", gaps, declared=absent / (expected + absent))


def _advise_fields(findings: Findings, row: ResourceFigures) -> str:
    shown = f"conn coverage {row.resource}.{_find_reading(row)} -c {findings.connector}"
    absent = f"not_offered of {findings.folder}/{CONTRACT_FILE}, as {row.resource}.{row.missing_fields[0]}: REASON"
    return f"map what the vendor has in {_locate(findings, row)} ({shown}); what it does not have belongs in {absent}"


def _locate(findings: Findings, row: ResourceFigures) -> str:
    """Return the file and line of a resource's mapping."""
    model, _, resource = row.resource.partition(".")
    span = findings.effective.layers[0].span(("unified", model, resource))
    return f"{span.file}:{span.line}" if span is not None else f"{findings.folder}/unified/{model}.yaml"


def _map_first(findings: Findings) -> str:
    return f"write {findings.folder}/unified/MODEL.yaml; conn schema crm.contact prints the fields of a record"


def _measure_tests(findings: Findings) -> _Measured:
    if findings.failing:
        return _Measured("tests fail", [_Gap(1, findings.failing, f"conn test --all --connector {findings.connector}")])
    mutation = findings.mutation
    if mutation is None:
        return _Measured("not measured", [_Gap(1, "the tests are not measured", f"conn score {findings.connector}")])
    missed = mutation.mutants - mutation.killed
    detail = f"{mutation.killed:,} of {mutation.mutants:,} mistakes detected ({mutation.percent:.1f}%)"
    if not mutation.mutants:
        return _Measured("no mistake to detect", [_Gap(1, "no test detects a mistake", _record_first(findings))])
    gap = _Gap(
        missed / mutation.mutants,
        f"no test detects {pluralize(missed, 'mistake')}",
        f"conn mutate {findings.connector}",
    )
    return _Measured(detail, [gap] if missed else [])


def _record_first(findings: Findings) -> str:
    return f"conn record OPERATION -c {findings.connector} --from-body answer.json"


def _measure_contract(findings: Findings) -> _Measured:
    contract, requests = findings.contract, findings.replayed.requests
    file = f"{findings.folder}/{CONTRACT_FILE}"
    again = f"conn score {findings.connector} --document {_name_document(contract.document)}"
    if not contract.document:
        gap = _Gap(1, "the requests are not judged against a published document", again)
        return _Measured("not judged", [gap])
    operations = set(requests) if contract.digest else findings.replayed.operations
    count = max(1, len(operations))
    changed = sorted(name for name in operations if contract.digest and contract.judged.get(name) != requests.get(name))
    gaps = [
        _Gap(
            1 / count,
            f"{operation} sends what the document does not allow: {gap.reason}",
            f"correct its mapping or its recording, then {again}"
            if contract.digest
            else f"send what it allows, then remove {operation} from {file}",
        )
        for operation, gap in sorted(contract.gaps.items())
        if operation not in changed
    ]
    if changed:
        missing = f"{_join(changed)}: recorded requests changed after they were judged"
        gaps.append(_Gap(len(changed) / count, missing, again))
    if contract.digest and not operations:
        do = _record_first(findings)
        return _Measured("no request to judge", [_Gap(1, "no request is recorded that can be judged", do)])
    valid = max(0, count - len(contract.gaps.keys() | set(changed)))
    return _Measured(f"{valid} of {count} recorded operations are as {contract.document} allows", gaps)


def _name_document(document: str) -> str:
    """Return a stored document as it can be named again: a URL or a path, but not a label of words."""
    return document if document and not any(letter.isspace() for letter in document) else "FILE"


def _measure_scenarios(findings: Findings) -> _Measured:
    names = sorted(findings.replayed.operations)
    listing = next((name for name in names if name.endswith(".list")), "RESOURCE.list")
    reading = next((name for name in names if name.endswith(".get")), listing)
    expected = [name for name in SCENARIOS if name not in _find_impossible(findings)]
    absent = [name for name in expected if name not in findings.replayed.scenarios]
    words = {"listing": listing, "reading": reading, "connector": findings.connector}
    gaps = [_Gap(1 / len(expected), _ADVICE[name][0], _ADVICE[name][1].format(**words)) for name in absent]
    present = [name.replace("_", " ") for name in SCENARIOS if name in findings.replayed.scenarios]
    declared = 1 - len(expected) / len(SCENARIOS)
    return _Measured(", ".join(present) or "none recorded", gaps, declared=declared)


def _find_impossible(findings: Findings) -> set[str]:
    """Return the scenarios that a vendor without credentials or without a rate limit does not have."""
    absent = findings.contract.not_offered
    impossible = {"rate_limited"} if "rate_limit" in absent else set()
    if "login" in absent and not _find_logins(findings):
        impossible.add("unauthorized")
    return impossible - findings.replayed.scenarios


def _measure_webhooks(findings: Findings) -> _Measured:
    webhooks = findings.effective.webhooks
    connector = findings.connector
    if webhooks is None:
        known = find_known(connector).get("webhook-schemes")
        printed = f"conn webhook scheme {connector} prints them" if known else "conn explain webhooks"
        do = f"add webhooks to {findings.folder}/connector.yaml: {printed}{_declare(findings, 'webhooks')}"
        return _Measured("none", [_Gap(1, "webhooks are not received", do)])
    events = findings.effective.events
    gaps = []
    if not events:
        do = f"add events below a resource in {findings.folder}/unified: conn explain events"
        gaps.append(_Gap(0.25, "no event is mapped to a model", do))
    if not findings.replayed.accepted:
        do = f"conn webhook record NAME FILE --connector {connector} --contract"
        gaps.append(_Gap(0.25, "no accepted delivery is recorded", do))
    if not findings.replayed.refused:
        do = f"copy one of {findings.folder}/deliveries as NAME.json, and change its signature"
        gaps.append(_Gap(0.25, "no delivery with an invalid signature is recorded", do))
    recorded = f"{findings.replayed.accepted} accepted and {findings.replayed.refused} refused recorded"
    subscribes = ", subscribes by itself" if webhooks.subscription is not None else ""
    return _Measured(f"{pluralize(len(events), 'event')}, {recorded}{subscribes}", gaps)


def _measure_incremental(findings: Findings) -> _Measured:
    shown = [
        f"{', '.join(sorted(name.partition('.')[2] for name in names))} {how}"
        for names, how in ((findings.replayed.changed, f"with {UPDATED_AFTER}"), (findings.replayed.resumed, "resumed"))
        if names
    ]
    if shown:
        return _Measured("; ".join(shown))
    operation = next((row for row in findings.effective.vendor_operations() if row.incremental is not None), None)
    if operation is not None:
        do = (
            f"conn record {operation.resource}.{operation.name} -c {findings.connector} --state state.json --from-body "
            "page.json --scenario resumed, where state.json has the state of an earlier run"
        )
        return _Measured("not recorded", [_Gap(1, "no recording shows that a listing resumes from a state", do)])
    row = next((row for row in findings.resources if "list" in row.operations), None)
    place = _locate(findings, row) if row is not None else f"{findings.folder}/unified"
    listing = f"{row.resource}.list" if row is not None else "MODEL.RESOURCE.list"
    do = (
        f"map query.{UPDATED_AFTER} in query_mapping of the list in {place}, then conn record {listing} -c "
        f"{findings.connector} -p {UPDATED_AFTER}=2026-01-01T00:00:00Z --from-body page.json --scenario changed"
        f"{_declare(findings, 'incremental')}"
    )
    return _Measured("no", [_Gap(1, "no listing returns only what changed", do)])


def _measure_deletes(findings: Findings) -> _Measured:
    effective = findings.effective
    events = {name.resource for name, _ in effective.events if name.action == "deleted"}
    listings = sorted(
        name.text
        for name in effective.enabled_operations()
        if name.kind == "unified" and name.method == "list" and maps_deleted(effective, name)
    )
    if not events and not listings:
        absent = _declare(findings, "deletes")
        do = f"map `deleted` of a record, or an event `deleted`, in {findings.folder}/unified{absent}"
        return _Measured("not reported", [_Gap(1, "deleted records are not reported", do)])
    if not findings.replayed.deleted:
        record = f"conn record {listings[0]} -c {findings.connector} --from-body page.json --scenario deleted"
        receive = f"conn webhook record deleted FILE --connector {findings.connector} --contract"
        do = f"{record}, where page.json has a deleted record" if listings else receive
        return _Measured("not recorded", [_Gap(1, "no recording has a deleted record", do)])
    return _Measured(", ".join(sorted(findings.replayed.deleted)))


def _measure_rate_limit(findings: Findings) -> _Measured:
    limits = [operation.rate_limit for operation in findings.effective.vendor_operations()]
    if any(limit is not None and to_builtins(limit) for limit in limits):  # `rate_limit: {}` declares nothing
        return _Measured("declared")
    absent = _declare(findings, "rate_limit")
    do = f"add rate_limit to {findings.folder}/connector.yaml: conn explain rate_limit{absent}"
    return _Measured("not declared", [_Gap(1, "the vendor's rate limit is not declared", do)])


def _measure_login(findings: Findings) -> _Measured:
    file = f"{findings.folder}/connector.yaml"
    kinds = _find_logins(findings)
    if not kinds:
        absent = _declare(findings, "login", "the API needs no credential")
        do = f"add credentials to {file}: conn explain credentials{absent}"
        return _Measured("none", [_Gap(1, "it is not declared how an account logs in", do)])
    gaps = []
    if not findings.replayed.authorized and "mtls" not in kinds:
        do = f"set authorization in {file}: conn explain authorization, and record an operation"
        gaps.append(_Gap(0.5, "no recorded request carries the credential", do))
    if findings.effective.connector.verify is None:
        gaps.append(_Gap(0.5, "no operation verifies a credential", f"set verify to an operation in {file}"))
    return _Measured(" or ".join(kinds), gaps)


def _find_logins(findings: Findings) -> list[str]:
    """Return the kinds of credentials. `none` is not one, and `oauth` covers others."""
    return sorted(set(name_logins(findings.effective.data.get("credentials"))) - {"oauth", "none"})


def _measure_readme(findings: Findings) -> _Measured:
    if findings.readme >= FEWEST_LINES:
        return _Measured(pluralize(findings.readme, "line"))
    do = f"describe in {findings.folder}/README.md how to get credentials, and the vendor's pitfalls"
    written = pluralize(findings.readme, "line")
    return _Measured(written, [_Gap(1, f"the README has {written} that no command generated", do)])


def _find_reading(row: ResourceFigures) -> str:
    return next((method for method in ("get", "list") if method in row.operations), row.operations[0])


def _join(names: Sequence[str]) -> str:
    rest = len(names) - SHOWN
    return ", ".join(names[:SHOWN]) + (f" and {rest} more" if rest > 0 else "")


_MEASURES: Final[dict[str, Callable[[Findings], _Measured]]] = {
    "operations": _measure_operations,
    "fields": _measure_fields,
    "tests": _measure_tests,
    "contract": _measure_contract,
    "scenarios": _measure_scenarios,
    "webhooks": _measure_webhooks,
    "incremental": _measure_incremental,
    "deletes": _measure_deletes,
    "rate_limit": _measure_rate_limit,
    "login": _measure_login,
    "readme": _measure_readme,
}
