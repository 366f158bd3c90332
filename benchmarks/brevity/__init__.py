"""Eight typical APIs in five kits: how long and how deep their documents are, once all return the same records."""

from benchmarks.brevity.apis import APIS, KITS
from benchmarks.brevity.comparing import check_records
from benchmarks.brevity.counting import Size, measure
from benchmarks.measure import Counts

__all__ = ["count", "run"]


def run(*, quick: bool) -> list[Counts]:
    """Fetch with every kit that can be executed, then count. Raises RuntimeError if they return different records."""
    check_records()
    return count()


def count() -> list[Counts]:
    """The size of every document, by API and kit, and the totals."""
    sizes = {(api.folder, kit.name): measure(kit.find_files(api)) for api in APIS for kit in KITS}
    rows = [
        Counts(f"{number}. {api.title}", {kit.name: str(sizes[api.folder, kit.name]) for kit in KITS})
        for number, api in enumerate(APIS, 1)
    ]
    totals = {kit.name: Size.combine([sizes[api.folder, kit.name] for api in APIS]) for kit in KITS}
    characters = {name: f"{total.characters:,}" for name, total in totals.items()}
    return [
        *rows,
        Counts("total", {name: str(total) for name, total in totals.items()}),
        Counts("characters", characters),
    ]
