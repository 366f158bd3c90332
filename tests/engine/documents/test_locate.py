"""Finding the workspace and the bundled data."""

import pytest

from conn_engine.documents.locate import find_packaged, find_workspace
from conn_engine.errors import InternalError


def test_the_nearest_workspace_above_is_found(tmp_path):
    inner = tmp_path / "w" / "inner"
    deep = inner / "connectors" / "x"
    deep.mkdir(parents=True)
    (tmp_path / "w" / "conn.yaml").write_text("version: 1\n")
    assert find_workspace(deep) == (tmp_path / "w").resolve()
    assert find_workspace(tmp_path / "w") == (tmp_path / "w").resolve()
    (inner / "conn.yaml").write_text("version: 1\n")
    assert find_workspace(deep) == inner.resolve()
    assert find_workspace(deep / "connector.yaml") == inner.resolve()


def test_no_workspace_is_none(tmp_path):
    (tmp_path / "conn.yaml").mkdir()  # a folder of that name does not count
    assert find_workspace(tmp_path) is None


def test_bundled_data_is_found_in_the_checkout():
    assert find_packaged("schemas", "models").is_dir()
    assert find_packaged("connectors").is_dir()
    assert not find_packaged("connectors", "no-such-connector").exists()


@pytest.mark.parametrize("parts", [("..",), ("connectors", "../x"), ("a\\b",), ("",), ("C:",)])
def test_bundled_data_has_no_way_out(parts):
    with pytest.raises(InternalError):
        find_packaged(*parts)
