"""Creates the folder `.conn` of a workspace, where a machine stores what it remembers of the workspace."""

from pathlib import Path

from conn_engine.documents.locate import STATE_FOLDER, STATE_IGNORES

__all__ = ["create_state_folder"]


def create_state_folder(folder: Path) -> None:
    """Create a folder with its parents. A new `.conn` gets a .gitignore, so that its files are not committed.

    Raises OSError if it cannot be created.
    """
    is_new = not folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    if is_new and folder.name == STATE_FOLDER:
        (folder / ".gitignore").write_text(STATE_IGNORES, encoding="utf-8")
