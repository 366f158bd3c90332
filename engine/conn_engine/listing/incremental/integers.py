"""Cursors that are integers: IDs, sequence numbers, versions."""

from collections.abc import Callable
from typing import Annotated, Any, ClassVar

from msgspec import Meta

from conn_engine.errors import ConfigurationError
from conn_engine.listing.incremental.formats import is_absent
from conn_engine.listing.incremental.settings import Common, Render, Template, Unreadable
from conn_engine.listing.incremental.windows import Window
from conn_engine.roles import template_over

__all__ = ["Integer"]

_LARGEST = 10**18


class Integer(Common, frozen=True, kw_only=True, tag_field="format", tag="integer"):
    """Integers, as numbers or as text. State: a number."""

    spoken: ClassVar[str] = "set the bound to an integer"

    window: Annotated[
        int | Template | None,
        Meta(
            description="Number of values in a window. Default: one window for everything.",
            extra=template_over("state"),
        ),
    ] = None
    granularity: Annotated[
        int | Template,
        Meta(
            description="Distance between the end of a window and the start of the next (1 if both ends are "
            "included). By default a window starts where the previous one ends: a record at the "
            "boundary may come twice, but none is lost.",
            extra=template_over("state"),
        ),
    ] = 0
    lookback: Annotated[
        int | Template,
        Meta(description="How far before the state's cursor a later run starts.", extra=template_over("state")),
    ] = 0

    def __post_init__(self) -> None:
        Common.__post_init__(self)
        window, granularity = self.window, self.granularity
        for key, least in (("window", 1), ("granularity", 0), ("lookback", 0)):
            value = getattr(self, key)
            if isinstance(value, int) and value < least:
                raise ValueError(f"`{key}` must be at least {least}")
        if isinstance(window, int) and isinstance(granularity, int) and granularity > window:
            raise ValueError("`granularity` is larger than `window`")

    def read(self, value: Any) -> int | None:
        """Return a record's cursor."""
        if is_absent(value):
            return None
        return _to_integer(value)

    def to_bound(self, value: Any, format: str | None = None) -> int | None:  # noqa: A002
        """Return a bound. There is only one format."""
        return self.read(value)

    def from_state(self, value: Any) -> int | None:
        """Return the number."""
        return self.read(value)

    def to_request(self, value: Any) -> Any:
        """Return the number."""
        return value

    def to_state(self, value: Any) -> int:
        """Return the number."""
        return int(value)

    def length(self, window: Window) -> int | None:
        """Return the difference of the ends."""
        return None if window.start is None or window.end is None else window.end - window.start

    def _end(self, render: Render, now: float) -> int | None:
        bound = self._evaluate_bound("end", self.end, render)
        return None if bound is None else int(bound)

    def _back(self, render: Render, cursor: int) -> int:
        return cursor - _evaluate_amount("lookback", self.lookback, render)

    def _steps(self, render: Render) -> tuple[Callable[[Any], Any] | None, Callable[[Any], Any]]:
        granularity = _evaluate_amount("granularity", self.granularity, render)
        if self.window is None:
            return None, lambda number: number - granularity
        window = _evaluate_amount("window", self.window, render)
        if window < 1:
            raise ConfigurationError("`incremental.window` is less than 1", hint="set it to 1 or more, or remove it")
        return lambda number: number + window, lambda number: number - granularity

    def _middle(self, start: int, last: int, step: int) -> int:
        return min(start + (last - start + step) // 2, last)


def _to_integer(value: Any) -> int:
    text = str(value).strip()
    if isinstance(value, bool) or not isinstance(value, str | int | float) or len(text) > 40:
        raise Unreadable(f"{text[:60]!r} is not an integer")
    try:
        number = int(value) if isinstance(value, int) else int(float(text)) if float(text) % 1 == 0 else None
        number = int(text) if text.lstrip("-").isdigit() else number
    except (ValueError, OverflowError):
        number = None
    if number is None or abs(number) > _LARGEST:
        raise Unreadable(f"{text[:60]!r} is not an integer up to 10^18")
    return number


def _evaluate_amount(key: str, value: int | str, render: Render) -> int:
    try:
        amount = _to_integer(render(key, value))
    except Unreadable as error:
        raise ConfigurationError(f"`incremental.{key}`: {error}") from None
    if amount < 0:
        raise ConfigurationError(f"`incremental.{key}` is negative: {amount}", hint="use 0 or more")
    return amount
