"""Workspaces for the servers, from the templates in `workspaces/`: copied, and `@name@` filled with ports.

Nothing here knows the engine: the connectors of the catalogue are copied as they stand.
"""

import re
import shutil
from pathlib import Path

__all__ = ["workspace"]

TESTS = Path(__file__).resolve().parents[1]
CATALOGUE = TESTS.parents[1] / "connectors"
PLACE = re.compile(r"@([a-z_]+)@")


def workspace(folder: Path, template: str, *, connectors: tuple[str, ...] = (), **values: object) -> Path:
    """Copy `workspaces/<template>` to `folder`, with `connectors` of the catalogue, and fill its places.

    A place without a value is an error: a workspace must never lead somewhere by accident.
    """
    root = folder / template
    shutil.copytree(TESTS / "workspaces" / template, root)
    for path in sorted(root.rglob("*.yaml")):
        text = path.read_text(encoding="utf-8")
        path.write_text(PLACE.sub(lambda place: str(values[place[1]]), text), encoding="utf-8")
    for name in connectors:
        shutil.copytree(CATALOGUE / name, root / "connectors" / name)
    return root
