"""The documentation of the expression language lists what the evaluators offer, and every example gives its result."""

import pytest
from evaluating import evaluate, mapping, use

from conn_engine.errors import ExpressionError
from conn_engine.expressions import expression, known_functions
from conn_engine.expressions.functions import FUNCTIONS
from conn_engine.expressions.known import BUILT_IN
from conn_engine.expressions.language import (
    BUILT_IN_ENTRIES,
    OPERATOR_ENTRIES,
    VARIABLE_ENTRIES,
    LanguageEntry,
    find_entry,
    format_entry,
    list_entries,
    suggest_entry,
)
from conn_engine.roles import SCOPES

DOCUMENTED = (*BUILT_IN_ENTRIES, *OPERATOR_ENTRIES, *VARIABLE_ENTRIES)
OPERATORS = "..  :=  !=  >=  <=  **  ~>  ?:  ??  .  [  ]  {  }  (  )  ,  @  #  ;  :  ?  +  -  *  /  %  |  =  <  >  ^  &"


def evaluate_example(entry: LanguageEntry) -> object:
    if entry.below:
        return mapping(
            [{"value": entry.below}, {"value": entry.example.replace("$base.email", "$base.value")}]
        ).apply_one(entry.data)["value"]
    return evaluate(entry.example, entry.data, now=1_795_737_600.0, seed=1)


@pytest.mark.parametrize("entry", DOCUMENTED, ids=lambda entry: entry.name)
def test_an_example_has_its_result_under_both_evaluators(entry: LanguageEntry, evaluator: str) -> None:
    assert evaluate_example(entry) == entry.result


@pytest.mark.parametrize("entry", DOCUMENTED, ids=lambda entry: entry.name)
def test_an_entry_is_one_or_two_sentences_about_its_own_example(entry: LanguageEntry) -> None:
    assert entry.doc[0].isupper()
    assert entry.doc.endswith(".")
    assert len(entry.doc) <= 120
    if entry.topic == "function":
        assert f"{entry.name}(" in entry.example or f" {entry.name}" in entry.example
        assert entry.signature.startswith(f"{entry.name}(")
    elif entry.topic == "variable":
        assert entry.name in entry.example


def test_every_function_is_documented_once() -> None:
    functions = [entry.name.removeprefix("$") for entry in list_entries() if entry.topic == "function"]
    assert sorted(functions) == sorted(known_functions())
    assert {entry.name.removeprefix("$") for entry in BUILT_IN_ENTRIES} == BUILT_IN - FUNCTIONS.keys()


def test_the_evaluators_offer_no_other_function() -> None:
    from jsonata import Jsonata

    assert {name for name in Jsonata.static_frame.bindings if Jsonata.static_frame.bindings[name]} - {
        "eval"
    } <= BUILT_IN
    for name in BUILT_IN:
        with use("jlens"):
            assert evaluate(f"$type(${name})", {}) == "function"


def test_every_name_of_a_scope_is_documented() -> None:
    names = {name for scope in SCOPES.values() for name in scope or ()}
    assert {entry.name for entry in VARIABLE_ENTRIES} == names | {"$", "$$", "$base"}


@pytest.mark.parametrize("operator", [*OPERATORS.split(), "and", "or", "in", "^(", "[]", "()", "{}", "function", "`"])
def test_every_operator_is_found(operator: str) -> None:
    entry = find_entry(operator)
    assert entry is not None
    assert entry.topic == "operator"


def test_the_parameters_of_a_function() -> None:
    for name, parameters in {
        "$substring": ("text", "start", "length?"),
        "$pick": ("object", "list or text"),
        "$now": ("picture?", "timezone?"),
        "$millis": (),
    }.items():
        entry = find_entry(name)
        assert entry is not None
        assert entry.parameters == parameters
    assert OPERATOR_ENTRIES[0].parameters == ()


def test_text_and_suggestions() -> None:
    entry = find_entry("$uppercase")
    assert entry is not None
    assert format_entry(entry).splitlines()[-2:] == ["  $uppercase('open')", '  = "OPEN"']
    assert suggest_entry("$upperCase") == 'did you mean "$uppercase"?'
    assert suggest_entry("$substrin") == 'did you mean "$substring"?'
    assert suggest_entry("&&") == 'did you mean "and"?'
    assert suggest_entry("$zzzzzzzz") == ""
    with pytest.raises(ExpressionError):
        evaluate("$eval('1')", {})


def test_an_expression_in_use_is_not_compiled_again():
    in_use = [expression(f"response.field{number}") for number in range(5000)]
    assert expression("response.field0") is in_use[0]
