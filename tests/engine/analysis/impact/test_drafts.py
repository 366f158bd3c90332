"""The impact of a change that is not saved is that of the same change saved elsewhere."""

import pytest
import yaml

from conn_engine.analysis.impact import impact
from conn_engine.config import load_workspace
from conn_engine.errors import UsageError


@pytest.mark.parametrize("seed", range(12))
def test_a_draft_has_the_impact_of_the_saved_change(tmp_path, generated, seed):
    before, after = generated(seed)
    before.write(tmp_path / "before")
    after.write(tmp_path / "after")
    saved = load_workspace(tmp_path / "before")
    documents = {name for name in before.files | after.files if name.endswith(".yaml")}
    texts = {name: yaml.safe_dump(after.files[name]) if name in after.files else None for name in documents}
    changed = {name: text for name, text in texts.items() if before.files.get(name) != after.files.get(name)}
    assert changed
    draft = saved.with_texts(changed)
    expected = impact(saved, load_workspace(tmp_path / "after"), processes=1)
    assert _without_places(impact(saved, draft, processes=1)) == _without_places(expected)


def _without_places(result):
    return result.accounts, result.fields, result.unknown, result.consequences


def test_worker_processes_see_the_draft(tmp_path, generated):
    before, _ = generated(1)
    before.write(tmp_path)
    saved = load_workspace(tmp_path)
    name = next(name for name in before.files if name.startswith("accounts/"))
    mapping = {"things": {"list": {"response_mapping": {"name": "'changed'"}}}}
    account = {**before.files[name], "override": {"unified": {"m": mapping}}}
    draft = saved.with_texts({name: yaml.safe_dump(account)})
    alone, together = impact(saved, draft, processes=1), impact(saved, draft, processes=2)
    assert together == alone
    assert [found.name for found in alone.accounts if found.status == "changed"] == [name[9:-5]]


def test_only_the_accounts_in_question_are_compared(tmp_path, generated):
    before, _ = generated(1)
    before.write(tmp_path)
    saved = load_workspace(tmp_path)
    (first, *_) = saved.accounts()
    draft = saved.with_texts({"connectors/alpha/unified/m.yaml": "resources: {}\n"})
    assert [account.name for account in impact(saved, draft, accounts=[first]).accounts] == [first]
    with pytest.raises(UsageError, match='no account "acc"'):
        impact(saved, draft, accounts=["acc"])
