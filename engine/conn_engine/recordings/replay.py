"""Answers requests from recordings only, in the recorded order and without waiting."""

from collections.abc import Sequence

from conn_engine.diagnostics import Span, diagnostic
from conn_engine.errors import MissingRecording
from conn_engine.recordings.exchanges import to_recorded_request, to_response
from conn_engine.recordings.files import Exchange, Recording, redacted_request
from conn_engine.recordings.matching import Question, differences, distance, matches, question
from conn_engine.secrets import Redactor
from conn_engine.wire import Request, Response

__all__ = ["Replay"]

_NEAREST_SHOWN = 6


class Replay:
    """A transport, sync and async, that returns the responses of one recording or several.

    A request that is recorded n times gets its n responses in order; after that, it has none. URLs are compared
    relative to `base_url`, the one of the configuration under test, or to the recording's. A request is redacted (with
    `redactor`, and by name) before it is compared, like the recording.
    """

    def __init__(
        self,
        recordings: Recording | Sequence[Recording],
        *,
        base_url: str = "",
        redactor: Redactor | None = None,
        file: str = "",
    ) -> None:
        sources = [recordings] if isinstance(recordings, Recording) else list(recordings)
        self._file = file
        self._redactor = redactor or Redactor()
        self._bases = [base for base in [base_url, *(source.base_url for source in sources)] if base]
        self._exchanges: list[Exchange] = [exchange for source in sources for exchange in source.exchanges]
        self._known = [question(exchange.request, self._bases) for exchange in self._exchanges]
        self._known_without: dict[frozenset[str], list[Question]] = {frozenset(): self._known}
        self._used = [False] * len(self._exchanges)
        self._requests: list[Request] = []

    @property
    def requests(self) -> tuple[Request, ...]:
        """The requests in order, including those without a recorded response."""
        return tuple(self._requests)

    @property
    def unused(self) -> tuple[Exchange, ...]:
        """The recorded exchanges that no request used."""
        return tuple(e for e, used in zip(self._exchanges, self._used, strict=True) if not used)

    def send(self, request: Request) -> Response:
        """Return the next recorded response. Raises MissingRecording with the nearest request and how it differs."""
        self._requests.append(request)
        actual = question(redacted_request(to_recorded_request(request), self._redactor), self._bases)
        known = self._leave_out(request.credential_query)
        index = self._find(actual, known)
        if index is None:
            raise self._miss(actual, known)
        self._used[index] = True
        return to_response(self._exchanges[index].response, request.url)

    async def asend(self, request: Request) -> Response:
        """Return what `send` returns; it never waits."""
        return self.send(request)

    def _leave_out(self, names: frozenset[str]) -> list[Question]:
        """Return the recorded requests without these parameters, which contain the credential of the current one."""
        if names not in self._known_without:
            self._known_without[names] = [recorded.without_parameters(names) for recorded in self._known]
        return self._known_without[names]

    def _find(self, actual: Question, known: Sequence[Question]) -> int | None:
        for index, recorded in enumerate(known):
            if not self._used[index] and matches(recorded, actual):
                return index
        return None

    def _miss(self, actual: Question, known: Sequence[Question]) -> MissingRecording:
        message = f"no response is recorded for {_short(actual)}"
        twins = [i for i, recorded in enumerate(known) if matches(recorded, actual)]
        if twins:
            times = "once" if len(twins) == 1 else f"{len(twins)} times"
            message = f"{_short(actual)} is recorded {times}, but was sent again"
            hint = "record the scenario again, or add the missing response to the recording"
        elif not known:
            hint = "record the operation again: the recording has no exchanges"
        else:
            free = [i for i in range(len(known)) if not self._used[i]] or list(range(len(known)))
            nearest = min(free, key=lambda index: distance(known[index], actual))
            parts = differences(known[nearest], actual)
            more = f"; and {len(parts) - _NEAREST_SHOWN} more" if len(parts) > _NEAREST_SHOWN else ""
            hint = (
                f"compare it with the nearest exchange, number {nearest + 1}: {_short(known[nearest])} "
                f"({'; '.join(parts[:_NEAREST_SHOWN])}{more})"
            )
        finding = diagnostic("REC003", message, Span(self._file) if self._file else None, hint=hint)
        return MissingRecording(message, hint=hint, findings=[finding])


def _short(actual: Question) -> str:
    text = actual.text
    return text if len(text) <= 160 else f"{text[:160]}…"
