"""Personal data in recordings: found, replaced by pseudonyms, looked for again. The face.

Marks of the unified models (`x-personal`), shapes and names of fields show what is a person's. A replacement is made of
the value by a key in the vault, and is the same wherever the value stands, in whichever form.
"""

from conn_engine.personal.collecting import collect, collect_text
from conn_engine.personal.finding import find_values
from conn_engine.personal.key import VARIABLE, PseudonymKey, load_key
from conn_engine.personal.marks import KEYWORD, PersonalMarks, collect_mapped
from conn_engine.personal.pseudonyms import Pseudonyms
from conn_engine.personal.recordings import (
    collect_exchanges,
    collect_recording,
    replace_in_exchanges,
    replace_in_recording,
)
from conn_engine.personal.replacing import TECHNICAL_HEADERS, Replacements
from conn_engine.personal.summary import PersonalSummary
from conn_engine.personal.values import KINDS, MARKS, PersonalValues, fold_case

__all__ = [
    "KEYWORD",
    "KINDS",
    "MARKS",
    "TECHNICAL_HEADERS",
    "VARIABLE",
    "PersonalMarks",
    "PersonalSummary",
    "PersonalValues",
    "PseudonymKey",
    "Pseudonyms",
    "Replacements",
    "collect",
    "collect_exchanges",
    "collect_mapped",
    "collect_recording",
    "collect_text",
    "find_values",
    "fold_case",
    "load_key",
    "replace_in_exchanges",
    "replace_in_recording",
]
