"""Several ways to prove a delivery: one of them, or all."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Annotated, ClassVar

from msgspec import Meta

import conn_engine.webhooks as webhooks  # noqa: PLR0402 - the package is still being read: its names come later
from conn_engine.errors import CredentialError
from conn_engine.responses.waits.moments import Unit
from conn_engine.settings import Names
from conn_engine.webhooks.proof import Evidence, Prover, Proving, Unproved
from conn_engine.wire import Flow

__all__ = ["AllOf", "AnyOf"]


class AnyOf(Prover, frozen=True, kw_only=True, tag_field="format", tag="any"):
    """One of several ways: those whose `when` holds are tried in order, and the first that proves it decides. One whose
    secret the account lacks is left out."""

    proves: ClassVar[bool] = False

    of: Annotated["tuple[webhooks.Verification, ...]", Meta(min_length=1, description="The ways.")]

    def check(self, proving: Proving) -> Flow[Names]:
        """Prove it by the first way that does."""
        refused: list[Unproved] = []
        lacking: list[CredentialError] = []
        for way in self.of:
            if not way.applies(proving):
                continue
            try:
                yield from way.prove(proving)
            except Unproved as error:
                refused.append(error)
            except CredentialError as error:
                lacking.append(error)
            else:
                return {}
        if lacking and not refused:
            raise lacking[0]
        if len(refused) == 1:
            raise refused[0]
        if refused:
            raise Unproved(refused[0].code, "; ".join(dict.fromkeys(error.message for error in refused)))
        raise Unproved("unsigned", "it has nothing that one of the ways to prove it looks for")

    def evidence_of_one(self, proving: Proving, at: tuple[tuple[str, int], ...]) -> Iterator[Evidence]:
        """What each of the ways that are tried finds."""
        yield from _found(self.of, proving, at)

    def moments(self, proving: Proving) -> list[tuple[str, Unit]]:
        """What each of the ways that are tried goes by."""
        return _moments(self.of, proving)


class AllOf(Prover, frozen=True, kw_only=True, tag_field="format", tag="all"):
    """Several ways together: each must prove it."""

    proves: ClassVar[bool] = False

    of: Annotated["tuple[webhooks.Verification, ...]", Meta(min_length=1, description="The ways.")]

    def check(self, proving: Proving) -> Flow[Names]:
        """Prove it by every way."""
        for way in self.of:
            if not way.applies(proving):
                raise Unproved("unsigned", "it lacks what one of the ways to prove it looks for")
            yield from way.prove(proving)
        return {}

    def evidence_of_one(self, proving: Proving, at: tuple[tuple[str, int], ...]) -> Iterator[Evidence]:
        """What each of the ways finds."""
        yield from _found(self.of, proving, at)

    def moments(self, proving: Proving) -> list[tuple[str, Unit]]:
        """What each of the ways goes by."""
        return _moments(self.of, proving)


def _found(
    ways: "tuple[webhooks.Verification, ...]", proving: Proving, at: tuple[tuple[str, int], ...]
) -> Iterator[Evidence]:
    for way in ways:
        with suppress(Unproved):
            if way.applies(proving):
                yield from list(way.evidence(proving, at))


def _moments(ways: "tuple[webhooks.Verification, ...]", proving: Proving) -> list[tuple[str, Unit]]:
    found: list[tuple[str, Unit]] = []
    for way in ways:
        with suppress(Unproved):
            if way.applies(proving):
                found += way.moments(proving)
    return found
