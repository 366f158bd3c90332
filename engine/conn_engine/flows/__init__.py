"""What makes one operation many requests: parents, recursion, enrichment, chunks; and the kinds of values that records
have. Settings; `runtime` runs them."""

from conn_engine.flows.casts import ACCEPTED, KIND, PLACE, cast_records, steps_of
from conn_engine.flows.chunk import Chunk
from conn_engine.flows.enrich import Enrich
from conn_engine.flows.parents import Parents, Source
from conn_engine.flows.placement import Placement, place
from conn_engine.flows.recurse import Recurse
from conn_engine.flows.request import StepRequest
from conn_engine.flows.step import Step

__all__ = [
    "ACCEPTED",
    "KIND",
    "PLACE",
    "Chunk",
    "Enrich",
    "Parents",
    "Placement",
    "Recurse",
    "Source",
    "Step",
    "StepRequest",
    "cast_records",
    "place",
    "steps_of",
]
