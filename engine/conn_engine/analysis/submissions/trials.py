"""Lint a submitted connector, replay its recordings with each evaluator, and inject mistakes."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from conn_engine.analysis.mutants import Bench
from conn_engine.analysis.mutants.report import Score
from conn_engine.analysis.submissions.verdict import RuleName, StageResult, SubmissionProblem, judge_rule
from conn_engine.config import Effective, Workspace, load_workspace
from conn_engine.diagnostics import Diagnostic, Severity, pluralize
from conn_engine.documents.files import read_text
from conn_engine.errors import ConnError, VendorError
from conn_engine.lint import lint_paths
from conn_engine.recordings.files import load_recording
from conn_engine.testing.cases import find_cases, replay
from conn_engine.testing.deliveries.cases import find_deliveries
from conn_engine.testing.deliveries.replaying import replay_delivery
from conn_engine.testing.suite import OperationReport, Selection, run_suite

__all__ = ["LEAST_MUTATION_SCORE", "check_documents", "check_portability", "run_mutations", "run_tests"]

LEAST_MUTATION_SCORE = 95.0
_PAGES = 3
_HEADER = "# yaml-language-server: $schema="
_OTHER_ERRORS = frozenset({"not_found", "invalid_request", "conflict", "forbidden"})


def check_documents(root: Path, name: str) -> StageResult:
    """Judge the documents: lint finds nothing, and editors know their schemas."""
    folder = root / "connectors" / name
    result = lint_paths(root, [Path("connectors", name)])
    problems = [_to_problem(finding, name) for finding in result.findings]
    for path in sorted([*folder.glob("connector.y*ml"), *folder.glob("unified/*")]):
        file = path.relative_to(folder).as_posix()
        first = read_text(path, file).partition("\n")[0]
        if not first.startswith(_HEADER):
            schema = "../../schemas/connector" if path.parent == folder else "../../../schemas/unified"
            fix = f"start it with the line {_HEADER}{schema}.schema.json"
            problems.append(SubmissionProblem(file=file, line=1, message="it does not name its schema", fix=fix))
    return _judge("documents", f"{pluralize(result.files, 'file')} linted", problems)


def run_tests(root: Path, name: str) -> StageResult:
    """Judge the recordings: each passes and has a golden, and together they show what a vendor can answer."""
    try:
        workspace = load_workspace(root)
        effective = workspace.effective(account=None, connector=name)
        reports = list(run_suite(workspace, Selection(connector=name)))
        problems = [problem for report in reports for problem in _find_failures(report, name)]
        problems += _find_leftovers(root / "connectors" / name)
        problems += _find_missing_scenarios(workspace, effective)
        problems += _find_missing_events(workspace, effective)
    except ConnError as error:
        return _fail("tests", error, name)
    cases = sum(len(report.judgements) for report in reports)
    return _judge("tests", pluralize(cases, "case"), problems)


def _find_failures(report: OperationReport, name: str) -> Iterator[SubmissionProblem]:
    yield from (_to_problem(finding, name) for finding in report.all_findings if finding.severity is not Severity.INFO)


def _find_leftovers(folder: Path) -> Iterator[SubmissionProblem]:
    for recorded, expected in (("recordings", "expected"), ("deliveries", "expected/deliveries")):
        names = {path.name for path in (folder / recorded).glob("*.json")}
        for path in sorted((folder / expected).glob("*.json")):
            if path.name not in names:
                message = f"there is no {recorded}/{path.name} for this golden"
                yield SubmissionProblem(file=f"{expected}/{path.name}", line=0, message=message, fix="remove it")


def _find_missing_scenarios(workspace: Workspace, effective: Effective) -> Iterator[SubmissionProblem]:
    """Yield a problem for each answer of a vendor that no recording shows."""
    longest, kinds, names = 0, set(), effective.enabled_operations()
    for case in find_cases(workspace, effective, names):
        if case.name.method == "list":
            longest = max(longest, len(load_recording(case.path, case.path.name).exchanges))
        error = replay(effective, case.name, case.recording).error
        if isinstance(error, VendorError):
            kinds.add(error.kind)
    if any(name.method == "list" for name in names) and longest < _PAGES:
        message = f"no listing is recorded over {_PAGES} pages"
        yield SubmissionProblem(
            file="", line=0, message=message, fix="record one, with at least one record on each page"
        )
    for wanted, what in (({"rate_limited"}, "a rate limit"), (_OTHER_ERRORS, "a request that the vendor refuses")):
        if not wanted & kinds:
            fix = "add it: conn record OPERATION --connector NAME --from-body FILE --status CODE --scenario NAME"
            yield SubmissionProblem(file="", line=0, message=f"no recording shows {what}", fix=fix)


def _find_missing_events(workspace: Workspace, effective: Effective) -> Iterator[SubmissionProblem]:
    """Yield a problem for each unified event without a delivery, and if no invalid delivery is recorded."""
    if effective.webhooks is None:
        return
    outcomes = [replay_delivery(effective, case.delivery) for case in find_deliveries(workspace, effective)]
    received = {str(event.get("type")) for outcome in outcomes for event in outcome.records if isinstance(event, dict)}
    for name, _ in effective.events:
        listing = effective.get_unified(name.model, name.resource, "list")
        event = f"{name.model}.{listing.record if listing else name.resource}.{name.action}"
        if event not in received:
            fix = "add it to deliveries/: conn webhook record NAME FILE --contract"
            yield SubmissionProblem(file="", line=0, message=f"no delivery shows the event {event}", fix=fix)
    if not any(outcome.refusal is not None for outcome in outcomes):
        message = "no delivery with an invalid signature is recorded"
        yield SubmissionProblem(file="", line=0, message=message, fix="add one to deliveries/, with `refused: true`")


def check_portability(root: Path, name: str) -> StageResult:
    """Judge the mappings: both evaluators have the same results."""
    try:
        selection = Selection(connector=name, cross_check=True)
        findings = [finding for report in run_suite(load_workspace(root), selection) for finding in report.all_findings]
    except ConnError as error:
        return _fail("portability", error, name)
    problems = [_to_problem(finding, name) for finding in findings if finding.code == "MAP401"]
    return _judge("portability", "results of both evaluators compared", problems)


def run_mutations(root: Path, name: str) -> StageResult:
    """Judge the tests: they notice nearly all small mistakes."""
    try:
        bench = Bench(load_workspace(root), name)
        score = Score(name, tuple(map(bench.verdict, bench.mutants())))
    except ConnError as error:
        return _fail("mutations", error, name)
    detail = f"{score.percent:.1f}% of {pluralize(len(score.tried), 'mistake')} noticed"
    if score.percent >= LEAST_MUTATION_SCORE:
        return _judge("mutations", detail, [])
    fix = f"record a response that shows it, until {LEAST_MUTATION_SCORE:g}% are noticed: conn mutate {name}"
    return _judge(
        "mutations",
        detail,
        [
            SubmissionProblem(
                file=_strip(mutant.span.file, name) if mutant.span else "",
                line=mutant.span.line if mutant.span else 0,
                message=f"no test notices this mistake: {mutant.text} ({mutant.path})",
                fix=fix,
            )
            for mutant in (verdict.mutant for verdict in score.survivors)
        ],
    )


def _judge(rule: RuleName, detail: str, problems: Iterable[SubmissionProblem]) -> StageResult:
    return StageResult(rules=[judge_rule(rule, detail, list(problems))])


def _fail(rule: RuleName, error: ConnError, name: str) -> StageResult:
    problems = [_to_problem(finding, name) for finding in error.findings]
    fallback = SubmissionProblem(
        file="", line=0, message=error.message, fix=error.hint or f"conn lint connectors/{name}"
    )
    return _judge(rule, "not completed", problems or [fallback])


def _to_problem(finding: Diagnostic, name: str) -> SubmissionProblem:
    span = finding.span
    return SubmissionProblem(
        file=_strip(span.file, name) if span else "",
        line=span.line if span else 0,
        message=f"{finding.code}: {finding.message}",
        fix=finding.hint or f"conn explain {finding.code}",
    )


def _strip(file: str, name: str) -> str:
    return file.removeprefix(f"connectors/{name}/")
