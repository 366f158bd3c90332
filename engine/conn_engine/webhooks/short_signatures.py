"""Mark short signatures, such as the placeholder of an example, only where the verifier reads them: the same letters
also occur in other places of a delivery."""

from collections.abc import Callable, Iterable
from typing import Final

from conn_engine.webhooks.delivery import Delivery
from conn_engine.webhooks.text_marks import MARK, Marks, list_spellings
from conn_engine.wire import Headers

__all__ = ["SHORTEST_UNIQUE", "mark_short_signatures"]

SHORTEST_UNIQUE: Final = 16
"""A signature with fewer characters may occur in a delivery by chance."""
_PROBE: Final = "connprobe0v0z"
"""Replaces one occurrence, to find out whether the verifier reads it. It is not the mark, which others may have."""

FindTexts = Callable[[Delivery], list[str]]


def mark_short_signatures(delivery: Delivery, marks: Marks, find_texts: FindTexts) -> Delivery:
    """Replace each short signature by its mark. `find_texts` returns the signatures that the verifier finds in a
    delivery. The body is changed only for those that are nowhere else, because a repetition in it may be signed."""
    for number, old in enumerate(marks.texts):
        if len(old) >= SHORTEST_UNIQUE:
            continue
        places = [*range(len(delivery.headers.pairs)), "url"]
        delivery = _mark_at(delivery, marks, number, places, find_texts)
        if number not in marks.found_numbers:
            delivery = _mark_at(delivery, marks, number, ["body"], find_texts)
    return delivery


def _mark_at(
    delivery: Delivery, marks: Marks, number: int, places: Iterable[int | str], find_texts: FindTexts
) -> Delivery:
    for place in places:
        for way, spelled in list_spellings(marks.texts[number]):
            mark = f"conn{marks.name}{number}v{way}z"
            position = 0
            while (position := _find_unmarked(_read_place(delivery, place), spelled, position)) >= 0:
                text = _read_place(delivery, place)
                before, after = text[:position], text[position + len(spelled) :]
                probed = _write_place(delivery, place, before + _PROBE + after)
                if len(spelled) >= SHORTEST_UNIQUE or any(_PROBE in found for found in find_texts(probed)):
                    marks.found_numbers.add(number)
                    delivery = _write_place(delivery, place, before + mark + after)
                position += 1
    return delivery


def _find_unmarked(text: str, spelled: str, start: int) -> int:
    """Return the next position of a string outside marks, or -1."""
    spans = [match.span() for match in MARK.finditer(text)]
    position = text.find(spelled, start)
    while position >= 0 and any(first < position + len(spelled) and position < end for first, end in spans):
        position = text.find(spelled, position + 1)
    return position


def _read_place(delivery: Delivery, place: int | str) -> str:
    if isinstance(place, int):
        return delivery.headers.pairs[place][1]
    return delivery.url if place == "url" else delivery.text


def _write_place(delivery: Delivery, place: int | str, text: str) -> Delivery:
    if place == "url":
        return Delivery(delivery.method, text, delivery.headers, delivery.body)
    if place == "body":
        return Delivery(delivery.method, delivery.url, delivery.headers, delivery.encode_exactly(text))
    rows = [(name, text if row == place else value) for row, (name, value) in enumerate(delivery.headers.pairs)]
    return Delivery(delivery.method, delivery.url, Headers(rows), delivery.body)
