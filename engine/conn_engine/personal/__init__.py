"""Find personal data in recordings, replace it with pseudonyms, and check that none is left. Public API.

Marks of the unified models (`x-personal`), shapes of values and names of fields identify personal data. A replacement
is computed from the value with a key in the vault, so it is the same everywhere, in every encoding of the value.
"""

from conn_engine.personal.collecting import collect, collect_text
from conn_engine.personal.finding import find_values
from conn_engine.personal.invented import HOW_TO_INVENT, is_invented
from conn_engine.personal.key import VARIABLE, PseudonymKey, find_key_file, load_key
from conn_engine.personal.marks import PersonalMarks, collect_mapped
from conn_engine.personal.pseudonyms import Pseudonyms
from conn_engine.personal.recordings import (
    collect_exchanges,
    collect_recording,
    replace_in_exchanges,
    replace_in_recording,
)
from conn_engine.personal.replacing import TECHNICAL_HEADERS, Replacements
from conn_engine.personal.summary import PersonalSummary
from conn_engine.personal.values import PersonalValues, fold_case

__all__ = [
    "HOW_TO_INVENT",
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
    "find_key_file",
    "find_values",
    "fold_case",
    "is_invented",
    "load_key",
    "replace_in_exchanges",
    "replace_in_recording",
]
