"""The expression language: JSONata everywhere, `{{…}}` in strings, and mappings made of expressions in
layers.

What an evaluation depends on besides its text and data (time, chance, the evaluator, isolation) are `Conditions`: a
`Scope` brings them along, other data is passed with them. This is the face; the modules behind it may change. Two
evaluators stand behind it (`evaluators()`), jlens by default.
"""

from conn_engine.conditions import DEFAULT_LIMITS, EvaluationLimits
from conn_engine.expressions.braces import remove_braces
from conn_engine.expressions.compiled import Expression, evaluate, expression, find_tokens, is_true, truth
from conn_engine.expressions.evaluators import Compiled, Evaluator, evaluators, find_evaluator
from conn_engine.expressions.known import known_functions
from conn_engine.expressions.leaf_failures import LeafFailure, LeafFailures
from conn_engine.expressions.mapping import Mapping, compile_mapping, evaluate_node
from conn_engine.expressions.page import KnownColumns
from conn_engine.expressions.patterns import groups_of, pattern_fault
from conn_engine.expressions.per_field import MappedRecord, evaluate_fields, find_effective_leaves
from conn_engine.expressions.reading import audit
from conn_engine.expressions.template import Template, render, render_path, template
from conn_engine.expressions.values import UNDEFINED, Path_, Undefined, overlay

__all__ = [
    "DEFAULT_LIMITS",
    "UNDEFINED",
    "Compiled",
    "EvaluationLimits",
    "Evaluator",
    "Expression",
    "KnownColumns",
    "LeafFailure",
    "LeafFailures",
    "MappedRecord",
    "Mapping",
    "Path_",
    "Template",
    "Undefined",
    "audit",
    "compile_mapping",
    "evaluate",
    "evaluate_fields",
    "evaluate_node",
    "evaluators",
    "expression",
    "find_effective_leaves",
    "find_evaluator",
    "find_tokens",
    "groups_of",
    "is_true",
    "known_functions",
    "overlay",
    "pattern_fault",
    "remove_braces",
    "render",
    "render_path",
    "template",
    "truth",
]
