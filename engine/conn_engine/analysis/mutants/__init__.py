"""The mutation score of a connector: the share of small mistakes that its recorded tests detect. Public API.

A mutant is detected (killed) if a case that passes without it fails with it. A connector with failing cases cannot be
scored.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Final

from conn_engine.analysis.mutants.mutations import KINDS, Mutant, create_mutants
from conn_engine.analysis.mutants.settings import LEFT_OUT
from conn_engine.analysis.population import find_route
from conn_engine.config import RESOURCE_MAPPINGS, Effective, OperationName, Workspace
from conn_engine.errors import ConfigurationError, ConnError
from conn_engine.runtime.variants import to_base_level
from conn_engine.testing.cases import Case, Outcome, find_cases, replay
from conn_engine.testing.deliveries.cases import DeliveryCase, find_deliveries
from conn_engine.testing.deliveries.judging import judge_delivery
from conn_engine.testing.deliveries.replaying import DeliveryOutcome, replay_delivery
from conn_engine.testing.judgement import judge

__all__ = ["KINDS", "LEFT_OUT", "Bench", "Mutant", "MutantVerdict"]

_ERROR: Final = 400


@dataclass(frozen=True, slots=True)
class MutantVerdict:
    """The result of a mutant: `killed` by a case of `operation`, or survived all `cases` (0: no case tests it).

    A mutant that is not `applicable` could not be created, and does not count.
    """

    mutant: Mutant
    killed: bool
    cases: int
    operation: str = ""
    applicable: bool = True


class Bench:
    """Tests mutants of a connector's base on its recorded cases. Accounts and environments are ignored.

    Raises ConfigurationError if a case fails without a mutant: the tests must pass first.
    """

    def __init__(self, workspace: Workspace, connector: str) -> None:
        self.workspace = workspace
        self.effective = to_base_level(workspace.effective(account=None, connector=connector))
        names = self.effective.enabled_operations()
        self._cases: dict[OperationName, list[Case]] = {name: [] for name in names}
        for case in find_cases(workspace, self.effective, names):
            self._cases[case.name].append(case)
        self._deliveries = find_deliveries(workspace, self.effective)
        self._routes = {name: find_route(self.effective.data, name) for name in names}
        self._vendor = {(name.resource, name.method) for name in names if name.kind == "vendor"}
        self._refused: set[Path] = set()
        self._telling: Path | None = None
        self._check()

    @property
    def cases(self) -> int:
        """The number of recorded cases."""
        return sum(map(len, self._cases.values())) + len(self._deliveries)

    def mutants(self) -> list[Mutant]:
        """Return every mutant, by place."""
        return create_mutants(self.effective)

    def _check(self) -> None:
        for case in chain(*self._cases.values(), self._deliveries):
            outcome = _replay(self.effective, case)
            if any(request.status >= _ERROR for request in outcome.sent):
                self._refused.add(case.path)
            if self._differs(self.effective, case, outcome):
                name = "webhooks" if isinstance(case, DeliveryCase) else case.name.text
                raise ConfigurationError(
                    f"{case.name.text} already fails on {self.workspace.format_path(case.path)}",
                    hint=f"fix the tests first: conn test {name} --connector {self.effective.connector_name}",
                )

    def verdict(self, mutant: Mutant) -> MutantVerdict:
        """Test one mutant on every case that it can affect, until one fails."""
        try:
            broken = mutant.apply(self.effective)
        except (KeyError, IndexError, TypeError):  # another change of the same mutant removed the place
            return MutantVerdict(mutant, False, 0, applicable=False)
        tried_ = 0
        for case in self._find_cases(mutant):
            tried_ += 1
            if self._fails(broken, case):
                self._telling = case.path
                return MutantVerdict(mutant, True, tried_, case.name.text)
        return MutantVerdict(mutant, False, tried_)

    def _find_cases(self, mutant: Mutant) -> Iterator[Case]:
        """Return the cases of the operations that the mutant can affect, most likely to fail first: the case that
        detected the previous, nearby mutant, and for error rules the cases with an error."""
        names = [name for name in self._cases if any(self._concerns(change.path, name) for change in mutant.changes)]
        rows = [case for name in names for case in self._cases[name]]
        if any(_is_of_deliveries(change.path) for change in mutant.changes):
            rows += self._deliveries
        refused = self._refused if mutant.kind == "error_rule" else set()

        def rank(case: Case) -> tuple[bool, ...]:
            usual = (case.scenario != "default", case.name.method != "list")
            return (case.path != self._telling, case.path not in refused, *usual)

        return iter(sorted(rows, key=rank))

    def _concerns(self, path: Sequence[object], name: OperationName) -> bool:
        if _is_of_deliveries(path):
            return False
        if path[0] == "unified":
            depth = 3 if path[3] in RESOURCE_MAPPINGS else len(name.path)
            return tuple(path[:depth]) == name.path[:depth]
        if path[0] != "resources":
            return True
        route = self._routes[name]
        if tuple(path[1:3]) not in self._vendor:  # of the resource as a whole
            return route is None or path[1] == route[0] or name.kind == "unified"
        return route is None or tuple(path[1:3]) == route or name.kind == "unified"

    def _fails(self, effective: Effective, case: Case) -> bool:
        try:
            return self._differs(effective, case, _replay(effective, case))
        except ConnError:
            return True

    def _differs(self, effective: Effective, case: Case, outcome: Outcome) -> bool:
        if isinstance(case, DeliveryCase) and isinstance(outcome, DeliveryOutcome):
            return judge_delivery(self.workspace, effective, case, outcome).failed
        judgement = judge(self.workspace, effective, case, outcome)
        return judgement.failed or any(finding.code == "REC103" for finding in judgement.findings)


def _replay(effective: Effective, case: Case) -> Outcome:
    if isinstance(case, DeliveryCase):
        return replay_delivery(effective, case.delivery)
    return replay(effective, case.name, case.recording)


def _is_of_deliveries(path: Sequence[object]) -> bool:
    """Return whether only recorded deliveries can detect a mistake at the path."""
    return path[0] == "webhooks" or (path[0] == "unified" and path[3] == "events")
