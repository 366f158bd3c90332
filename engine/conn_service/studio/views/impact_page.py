"""What the work tree changes for every account, compared with a branch or a commit."""

from typing import Any

from conn_engine.analysis.checks.reach import find_changed_files
from conn_engine.analysis.impact import build_empty_impact, impact
from conn_engine.analysis.impact.git import ask_git
from conn_engine.analysis.impact.report import ImpactReport
from conn_engine.analysis.impact.revisions import check_out_workspace, find_named_base, load_before
from conn_service.studio.drafts import StudioWorkspace
from conn_service.studio.views.page_request import PageRequest

__all__ = ["show_impact"]

_MOST_BRANCHES = 50


def show_impact(studio: StudioWorkspace, request: PageRequest) -> dict[str, Any]:
    """Return the impact of the work tree, compared with `ref`. Without one, return what can be compared with."""
    root, ref = studio.root, request.query.get("ref", "")
    names = f"--count={_MOST_BRANCHES}", "--format=%(refname:short)", "--sort=-committerdate"
    values: dict[str, Any] = {
        "ref": ref,
        "report": None,
        "is_repository": ask_git(root, ["rev-parse", "--is-inside-work-tree"]) == "true",
        "branch": ask_git(root, ["symbolic-ref", "--short", "-q", "HEAD"]),
        "branches": ask_git(root, ["for-each-ref", *names, "refs/heads", "refs/remotes"]).splitlines(),
    }
    if not ref:
        return values
    base = find_named_base(root, ref)
    with check_out_workspace(root, base.revision) as folder:
        before = load_before(folder)
        is_changed = bool(find_changed_files(folder, studio.saved))
        found = impact(before, studio.saved, base=base, processes=1) if is_changed else build_empty_impact(base)
    return {**values, "report": ImpactReport.from_impact(found)}
