"""Settings that turn one operation into several requests (parents, recursion, enrichment, chunks), and the types of
record values. `runtime` runs them."""

from conn_engine.listing.flows.casts import ACCEPTED, KIND, PLACE, cast_records, steps_of
from conn_engine.listing.flows.chunk import Chunk
from conn_engine.listing.flows.enrich import Enrich
from conn_engine.listing.flows.parents import Parents, ParentSource
from conn_engine.listing.flows.placement import Placement, place
from conn_engine.listing.flows.recurse import Recurse
from conn_engine.listing.flows.request import StepRequest
from conn_engine.listing.flows.step import Step

__all__ = [
    "ACCEPTED",
    "KIND",
    "PLACE",
    "Chunk",
    "Enrich",
    "ParentSource",
    "Parents",
    "Placement",
    "Recurse",
    "Step",
    "StepRequest",
    "cast_records",
    "place",
    "steps_of",
]
