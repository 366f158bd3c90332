"""A property that is computed once, without a lock for all instances."""

import threading

from conn_engine.caching import cached_property


class Document:
    """Counts how often its text is computed, which may wait."""

    def __init__(self, gate: threading.Event | None = None) -> None:
        self.computed = 0
        self.begun = threading.Event()
        self._gate = gate

    @cached_property
    def text(self) -> str:
        self.computed += 1
        self.begun.set()
        if self._gate is not None:
            self._gate.wait()
        return "text"


def test_it_is_computed_once() -> None:
    document = Document()
    assert [document.text, document.text, document.computed] == ["text", "text", 1]
    assert isinstance(Document.text, cached_property)


def test_another_instance_does_not_wait() -> None:
    gate = threading.Event()
    slow = Document(gate)
    thread = threading.Thread(target=lambda: slow.text)
    thread.start()
    slow.begun.wait()
    quick: list[str] = []
    other = threading.Thread(target=lambda: quick.append(Document().text))
    other.start()
    other.join(60)
    gate.set()
    thread.join()
    assert quick == ["text"]
