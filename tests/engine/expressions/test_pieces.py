"""A long page is evaluated in pieces, so that other threads of the process can run in between."""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
import pytest

from conn_engine.conditions import USUAL, Chance, Conditions, EvaluationLimits
from conn_engine.errors import ExpressionError
from conn_engine.expressions import compile_mapping
from conn_engine.expressions.compiled import Expression
from conn_engine.expressions.isolation import Isolation
from conn_engine.expressions.leaf_failures import LeafFailures
from conn_engine.wire import FrozenClock


def make_scopes(count: int) -> list[dict[str, Any]]:
    return [{"response": {"id": number, "name": f"n{number}" if number % 7 else None}} for number in range(count)]


@pytest.fixture
def sizes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many records each evaluation gets."""
    seen: list[int] = []
    inner = Expression.evaluate

    def evaluate(self: Expression, data: Any, *arguments: Any, **options: Any) -> Any:
        seen.append(len(data))
        return inner(self, data, *arguments, **options)

    monkeypatch.setattr(Expression, "evaluate", evaluate)
    return seen


@pytest.mark.parametrize(("count", "expected"), [(1, [1]), (100, [100]), (101, [100, 1]), (250, [100, 100, 50])])
def test_a_long_page_has_pieces(sizes: list[int], count: int, expected: list[int]) -> None:
    mapping = compile_mapping([{"id": "$string(response.id)", "label": "response.name ? response.name & '!' : null"}])
    values = mapping.apply(make_scopes(count), USUAL)
    assert sizes == expected
    assert [value["id"] for value in values] == [str(number) for number in range(count)]
    assert [value["label"] is None for value in values] == [number % 7 == 0 for number in range(count)]


def test_the_time_and_seeds_are_those_of_the_page(sizes: list[int]) -> None:
    mapping = compile_mapping([{"id": "$string(response.id)", "at": "$now()", "random": "$random()"}])
    values = mapping.apply(make_scopes(250), Conditions(FrozenClock(), Chance(7)))
    assert sizes == [250]
    assert len({value["at"] for value in values}) == 1


def test_a_layer_over_another_one_has_pieces(sizes: list[int]) -> None:
    mapping = compile_mapping([{"id": "$string(response.id)"}, {"id": "'a-' & $base.id"}])
    values = mapping.apply(make_scopes(150), USUAL)
    assert [value["id"] for value in values] == [f"a-{number}" for number in range(150)]
    assert sizes == [100, 50, 100, 50]


def test_a_record_that_fails_is_named_by_its_place_in_the_page() -> None:
    mapping = compile_mapping([{"id": "$string(response.id) & (response.id = 230 ? $error('no') : '')"}])
    with pytest.raises(ExpressionError, match="record 230"):
        mapping.apply(make_scopes(250), USUAL)


def test_each_piece_has_its_share_of_the_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[float] = []
    inner = Expression.evaluate

    def evaluate(self: Expression, data: Any, *arguments: Any, limits: EvaluationLimits, **options: Any) -> Any:
        seen.append(limits.seconds)
        return inner(self, data, *arguments, limits=limits, **options)

    monkeypatch.setattr(Expression, "evaluate", evaluate)
    mapping = compile_mapping([{"id": "$string(response.id)"}])
    for count in (100, 300):
        mapping.apply(make_scopes(count), USUAL, limits=EvaluationLimits(seconds=3))
    assert seen == [6, 6, 6, 6]


@pytest.fixture(scope="module")
def isolation() -> Iterator[Isolation]:
    with Isolation() as made:
        yield made


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many bytes of data each evaluation in another process gets."""
    seen: list[int] = []
    inner = Isolation.run

    def run(self: Isolation, request: Mapping[str, Any], data: Any, limits: EvaluationLimits) -> Any:
        seen.append(len(msgspec.json.encode(data)))
        return inner(self, request, data, limits)

    monkeypatch.setattr(Isolation, "run", run)
    return seen


def make_page(count: int) -> list[dict[str, Any]]:
    """Scopes of a page, each of which has the complete page."""
    records = [scope["response"] for scope in make_scopes(count)]
    shared = {"page": {"items": records}, "query": {"limit": count}}
    return [{"response": record, **shared} for record in records]


LAYERS = [
    {"id": "$string(response.id)", "name": "$uppercase($string(response.name))"},
    {"name": "$base.name & query.limit"},
]


@pytest.mark.parametrize("count", [50, 100])
def test_another_process_gets_only_what_is_read(isolation: Isolation, sent: list[int], count: int) -> None:
    mapping, scopes = compile_mapping(LAYERS), make_page(count)
    isolated = Conditions(isolation=isolation.isolate_except(()))
    assert mapping.apply(scopes, isolated) == mapping.apply(scopes, USUAL)
    assert len(sent) == 2
    assert max(sent) < 120 * count, "each record has the complete page"


def test_a_leaf_that_fails_gets_only_what_it_reads(isolation: Isolation, sent: list[int]) -> None:
    layers = [{"id": "$string(response.id)", "name": "$uppercase(response.name)", "all": "$count($keys($))"}]
    mapping, scopes = compile_mapping(layers), make_page(60)
    isolated, failures = Conditions(isolation=isolation.isolate_except(())), LeafFailures()
    values = mapping.apply(scopes, isolated, failures=failures)
    assert values == mapping.apply(scopes, USUAL, failures=LeafFailures())
    assert failures.due_to_null["name"].indexes == [*range(0, 60, 7)]
    alone = [size for size in sent if size < 1_000]
    assert max(alone) < 100
    assert max(sent) > 60 * 1_000, "what may read everything gets everything"


@pytest.mark.parametrize(
    ("layers", "count", "expected"),
    [
        (LAYERS, 199, 0),
        (LAYERS, 200, 4),
        ([{"id": "$string(response.id)", "total": "$count(page.items)"}], 200, 0),  # 200 times the page is too much
        ([{"id": "$string(response.id)", "at": "$now()"}], 200, 0),
    ],
)
def test_a_large_page_is_evaluated_in_another_process(
    isolation: Isolation, sent: list[int], layers: list[Any], count: int, expected: int
) -> None:
    mapping, scopes = compile_mapping(layers), make_page(count)
    texts = {text for layer in layers for text in layer.values()}
    values = mapping.apply(scopes, Conditions(FrozenClock(), isolation=isolation.isolate_except(texts)))
    assert values == mapping.apply(scopes, Conditions(FrozenClock()))
    assert len(sent) == expected


def test_long_integers_are_the_same_on_pages_of_each_size(isolation: Isolation, sent: list[int]) -> None:
    mapping = compile_mapping([{"id": "response.id + 0", "text": "$string(response.id)"}])
    scopes = [{"response": {"id": 2**63 + number}} for number in range(200)]
    isolated = Conditions(isolation=isolation.isolate_except({"response.id + 0", "$string(response.id)"}))
    assert mapping.apply(scopes, isolated)[:199] == mapping.apply(scopes[:199], isolated)
    assert sent == []


def test_a_large_page_does_not_wait_for_expressions_of_others(sent: list[int]) -> None:
    """All processes are busy with expressions of accounts."""
    text = "$string(response.id)"
    with Isolation() as isolation:
        isolated = Conditions(isolation=isolation.isolate_except({text}))
        with isolation._pool._turns:
            values = compile_mapping([{"id": text}]).apply(make_page(200), isolated)
        assert (len(values), sent) == (200, [])
        compile_mapping([{"id": text}]).apply(make_page(200), isolated)
        assert len(sent) == 2
