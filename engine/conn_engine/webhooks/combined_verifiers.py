"""Several ways to prove a delivery: one of them, or all."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Annotated, ClassVar

from msgspec import Meta

import conn_engine.webhooks as webhooks  # noqa: PLR0402 - the package is still being read: its names come later
from conn_engine.errors import CredentialError
from conn_engine.responses.waits.moments import Unit
from conn_engine.settings import Names
from conn_engine.webhooks.verifier import DeliveryVerifier, SignatureGroup, VerificationContext, VerificationError
from conn_engine.wire import Flow

__all__ = ["AllOf", "AnyOf"]


class AnyOf(DeliveryVerifier, frozen=True, kw_only=True, tag_field="format", tag="any"):
    """One of several ways: those whose `when` holds are tried in order, and the first that proves it decides. One whose
    secret the account lacks is left out."""

    verifies: ClassVar[bool] = False

    of: Annotated["tuple[webhooks.Verification, ...]", Meta(min_length=1, description="The ways.")]

    def check(self, proving: VerificationContext) -> Flow[Names]:
        """Prove it by the first way that does."""
        refused: list[VerificationError] = []
        lacking: list[CredentialError] = []
        for way in self.of:
            if not way.is_applicable(proving):
                continue
            try:
                yield from way.verify(proving)
            except VerificationError as error:
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
            raise VerificationError(refused[0].code, "; ".join(dict.fromkeys(error.message for error in refused)))
        raise VerificationError("unsigned", "it has nothing that one of the ways to prove it looks for")

    def find_item_signatures(
        self, proving: VerificationContext, at: tuple[tuple[str, int], ...]
    ) -> Iterator[SignatureGroup]:
        """What each of the ways that are tried finds."""
        yield from _find_groups(self.of, proving, at)

    def find_times(self, proving: VerificationContext) -> list[tuple[str, Unit]]:
        """What each of the ways that are tried goes by."""
        return _find_times(self.of, proving)


class AllOf(DeliveryVerifier, frozen=True, kw_only=True, tag_field="format", tag="all"):
    """Several ways together: each must prove it."""

    verifies: ClassVar[bool] = False

    of: Annotated["tuple[webhooks.Verification, ...]", Meta(min_length=1, description="The ways.")]

    def check(self, proving: VerificationContext) -> Flow[Names]:
        """Prove it by every way."""
        for way in self.of:
            if not way.is_applicable(proving):
                raise VerificationError("unsigned", "it lacks what one of the ways to prove it looks for")
            yield from way.verify(proving)
        return {}

    def find_item_signatures(
        self, proving: VerificationContext, at: tuple[tuple[str, int], ...]
    ) -> Iterator[SignatureGroup]:
        """What each of the ways finds."""
        yield from _find_groups(self.of, proving, at)

    def find_times(self, proving: VerificationContext) -> list[tuple[str, Unit]]:
        """What each of the ways goes by."""
        return _find_times(self.of, proving)


def _find_groups(
    ways: "tuple[webhooks.Verification, ...]", proving: VerificationContext, at: tuple[tuple[str, int], ...]
) -> Iterator[SignatureGroup]:
    for way in ways:
        with suppress(VerificationError):
            if way.is_applicable(proving):
                yield from list(way.find_signature_groups(proving, at))


def _find_times(ways: "tuple[webhooks.Verification, ...]", proving: VerificationContext) -> list[tuple[str, Unit]]:
    found: list[tuple[str, Unit]] = []
    for way in ways:
        with suppress(VerificationError):
            if way.is_applicable(proving):
                found += way.find_times(proving)
    return found
