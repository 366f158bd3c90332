"""The score of a connector as data: what it covers, what its tests show, and what is missing."""

import msgspec

__all__ = [
    "MutationFigures",
    "NextStep",
    "RecordingFigures",
    "ResourceFigures",
    "ScorePart",
    "ScoredConnector",
    "ValidityFigures",
]


class ScorePart(msgspec.Struct, frozen=True, kw_only=True):
    """One part of the score: `points` of at most `of`, and the counts that they come from.

    `not_offered` has the reason why the vendor cannot offer it, or "". Then `of` is 0. `declared` is how many of the
    part's usual points are not expected because `contract.yaml` declares what they stand for as not offered.
    """

    name: str
    points: float
    of: int
    declared: float
    detail: str
    not_offered: str


class ResourceFigures(msgspec.Struct, frozen=True, kw_only=True):
    """A record of a model. `operations` are mapped, `missing_operations` are not although its model has them.

    `mapped` of the model's `fields` are mapped; `served_elsewhere` of the others are marked (`x-served-by`) as fields
    that only other connectors fill, and `not_offered` are in `contract.yaml` as fields that the vendor does not have.
    `operations_not_offered` are the operations there.
    """

    resource: str
    record: str
    operations: list[str]
    missing_operations: list[str]
    fields: int
    mapped: int
    served_elsewhere: int
    served_only_here: int
    missing_fields: list[str]
    not_offered: int
    operations_not_offered: list[str]


class RecordingFigures(msgspec.Struct, frozen=True, kw_only=True):
    """The recordings and deliveries: how many come from which source, and the days of the oldest and newest.

    `age_days` is the age of the newest in days. The scenarios are found in the replayed results, not in names.
    """

    cases: int
    deliveries: int
    sources: dict[str, int]
    oldest: str
    newest: str
    age_days: int | None
    scenarios: dict[str, bool]


class MutationFigures(msgspec.Struct, frozen=True, kw_only=True):
    """The mutation score: the number of small mistakes, and how many of them the tests detect. `digest` is that of the
    documents, recordings and goldens that were tested."""

    mutants: int
    killed: int
    digest: str

    @property
    def percent(self) -> float:
        """The percentage of detected mistakes; 0 without any."""
        return 100.0 * self.killed / self.mutants if self.mutants else 0.0


class ValidityFigures(msgspec.Struct, frozen=True, kw_only=True):
    """The vendor's document that the requests were judged against ("": none), the operations that it refuses, and what
    the vendor does not offer, each with the reason."""

    document: str
    gaps: dict[str, str]
    not_offered: dict[str, str]


class NextStep(msgspec.Struct, frozen=True, kw_only=True):
    """Something missing: what, the points that it costs, and the command or edit to do. 0 points for a remark."""

    part: str
    missing: str
    do: str
    points: float


class ScoredConnector(msgspec.Struct, frozen=True, kw_only=True):
    """A connector's score from 0 to 100. Below the bar it is a preview.

    `declared` is how many of 100 points are not expected because of `not_offered`. `lint_errors` is the number of
    errors of `conn lint`: with any, the score is below the bar. `mutation` is null if it was not measured, and
    `failing` has the reason why tests fail, or "". `missing` has errors of lint first, then what costs most points, and
    `next_steps` are the first three.
    """

    connector: str
    label: str
    description: str
    digest: str
    score: int
    preview: bool
    declared: int
    lint_errors: int
    models: list[str]
    capabilities: list[str]
    parts: list[ScorePart]
    resources: list[ResourceFigures]
    recordings: RecordingFigures
    mutation: MutationFigures | None
    failing: str
    contract: ValidityFigures
    missing: list[NextStep]
    next_steps: list[NextStep]
