"""No account of a bundled connector can have a secret written into a record, or its token renewed elsewhere."""

from pathlib import Path

import pytest

from conn_engine.config import load_workspace
from conn_engine.config.secret_texts import names_read
from conn_engine.documents import dump_yaml
from conn_engine.errors import ConfigurationError
from conn_engine.lint import lint_paths

BUNDLED = Path(__file__).parents[2] / "connectors"
NAMES = sorted(path.parent.name for path in BUNDLED.glob("*/connector.yaml"))


def workspace(folder: Path, connector: str, override: object) -> Path:
    made = folder / "connectors" / connector
    made.mkdir(parents=True)
    (made / "connector.yaml").write_text((BUNDLED / connector / "connector.yaml").read_text(encoding="utf-8"), "utf-8")
    (folder / "conn.yaml").write_text("version: 1\nenv: [ANOTHER_APP]\ntrusted_hosts: ['127.0.0.1:4200']\n", "utf-8")
    (folder / "accounts").mkdir()
    (folder / "accounts/acme.yaml").write_text(dump_yaml({"connector": connector, "override": override}), "utf-8")
    return folder


def codes(folder: Path) -> set[str]:
    with pytest.raises(ConfigurationError) as refused:
        load_workspace(folder).effective(account="acme").check_authority()
    found = {one.code for one in refused.value.findings}
    linted = [one for one in lint_paths(folder, []).findings if one.code in found]
    assert {one.code for one in linted} == found
    assert all(one.span is not None and one.span.file == "accounts/acme.yaml" and one.hint for one in linted)
    return found


@pytest.mark.parametrize("connector", NAMES)
def test_no_secret_becomes_a_field_of_a_record(tmp_path: Path, connector: str) -> None:
    data = load_workspace(BUNDLED.parent).effective(account=None, connector=connector).data
    secrets = [*(f"env.{name}" for name in (*names_read(data), "ANOTHER_APP")), "oauth.token.refresh_token", "api_key"]
    for number, secret in enumerate(secrets):
        config = {"field": "properties.jobtitle", "value": f"{{{{{secret}}}}}"}
        folder = workspace(tmp_path / str(number), connector, {"authorization": {"format": "body", "config": config}})
        assert codes(folder) == {"SEC113"}


@pytest.mark.parametrize("connector", ["hubspot", "salesforce"])
def test_no_sandbox_renews_its_token_in_production(tmp_path: Path, connector: str) -> None:
    assert codes(workspace(tmp_path, connector, {"base_url": f"http://127.0.0.1:4200/{connector}"})) == {"SEC116"}
