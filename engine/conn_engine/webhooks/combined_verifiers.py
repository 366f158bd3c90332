"""Combinations of ways to verify a delivery: any of them, or all."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Annotated, ClassVar

from msgspec import Meta

import conn_engine.webhooks as webhooks  # noqa: PLR0402 - the package is still being read: its names come later
from conn_engine.errors import CredentialError
from conn_engine.responses.waits.time_values import Unit
from conn_engine.settings import Names
from conn_engine.webhooks.verifier import DeliveryVerifier, SignatureGroup, VerificationContext, VerificationError
from conn_engine.wire import Flow

__all__ = ["AllOf", "AnyOf"]


class _Combination(DeliveryVerifier, frozen=True, kw_only=True):
    """Several ways to verify a delivery."""

    verifies: ClassVar[bool] = False

    of: Annotated["tuple[webhooks.Verification, ...]", Meta(min_length=1, description="The methods.")]

    def find_item_signatures(
        self, verification: VerificationContext, indexes: tuple[tuple[str, int], ...]
    ) -> Iterator[SignatureGroup]:
        """Yield what each applicable way finds."""
        for way in self.of:
            with suppress(VerificationError):
                if way.is_applicable(verification):
                    yield from list(way.find_signature_groups(verification, indexes))

    def find_times(self, verification: VerificationContext) -> list[tuple[str, Unit]]:
        """Return the times of each applicable way."""
        times: list[tuple[str, Unit]] = []
        for way in self.of:
            with suppress(VerificationError):
                if way.is_applicable(verification):
                    times += way.find_times(verification)
        return times


class AnyOf(_Combination, frozen=True, kw_only=True, tag_field="format", tag="any"):
    """Any of several methods. Those whose `when` is met are tried in order, until one verifies the delivery. A method
    whose secret the account lacks is skipped."""

    def check(self, verification: VerificationContext) -> Flow[Names]:
        """Verify with the first way that succeeds."""
        refused: list[VerificationError] = []
        lacking: list[CredentialError] = []
        for way in self.of:
            if not way.is_applicable(verification):
                continue
            try:
                yield from way.verify(verification)
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
        raise VerificationError("unsigned", "the delivery has no signature or token that `of` looks for")


class AllOf(_Combination, frozen=True, kw_only=True, tag_field="format", tag="all"):
    """Several methods together. Each must verify the delivery."""

    def check(self, verification: VerificationContext) -> Flow[Names]:
        """Verify with every way."""
        for way in self.of:
            if not way.is_applicable(verification):
                raise VerificationError("unsigned", "the delivery lacks a signature or token that `of` requires")
            yield from way.verify(verification)
        return {}
