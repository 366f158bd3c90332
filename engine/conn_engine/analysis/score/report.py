"""The reports of `conn score` and `conn catalogue`: configuration and counts, but no recorded value."""

from collections.abc import Sequence
from typing import ClassVar

import msgspec

from conn_engine.analysis.score import BAR, POINTS
from conn_engine.analysis.score.catalogue import CatalogueEntry
from conn_engine.analysis.score.model import ScoredConnector
from conn_engine.reports import Report

__all__ = ["CatalogueReport", "KnownVendor", "ScoreReport"]


class ScoreReport(Report, frozen=True, kw_only=True):
    """What connectors cover and what their tests show, as a number from 0 to 100. Below `bar`, one is a preview;
    `formula` has the points of each part."""

    kind: ClassVar[str] = "score"
    bar: int
    formula: dict[str, int]
    connectors: list[ScoredConnector]

    @classmethod
    def from_scores(cls, scores: Sequence[ScoredConnector]) -> "ScoreReport":
        """Report the scores in this order."""
        return cls(bar=BAR, formula=dict(POINTS), connectors=list(scores))


class KnownVendor(msgspec.Struct, frozen=True, kw_only=True):
    """A vendor without a connector of which some settings are known: `webhooks`, `rate_limit` or `credentials`."""

    vendor: str
    label: str
    settings: list[str]


class CatalogueReport(Report, frozen=True, kw_only=True):
    """The bundled connectors and those of the workspace that have every word, and vendors of which only settings are
    known."""

    kind: ClassVar[str] = "catalogue"
    words: list[str]
    connectors: list[CatalogueEntry]
    known: list[KnownVendor]
