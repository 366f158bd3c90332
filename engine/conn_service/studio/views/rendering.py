"""Answers a page without scripts: finds its values, and writes them into its template. Every value is escaped."""

from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

import jinja2

from conn_service.studio.drafts import StudioWorkspace
from conn_service.studio.hosting import PageFrame, QueryContext
from conn_service.studio.views.coverage_page import show_coverage
from conn_service.studio.views.impact_page import show_impact
from conn_service.studio.views.live_recording_page import record_live, show_live_recording
from conn_service.studio.views.new_connector_page import save_connector, show_new_connector, show_proposal
from conn_service.studio.views.overview_page import show_overview
from conn_service.studio.views.page_request import PageRequest
from conn_service.studio.views.recording_pages import show_deliveries, show_recording, show_recordings
from conn_service.studio.views.release_page import move_channel, return_channel, show_releases
from conn_service.studio.views.steps_page import review_steps, save_steps, show_steps
from conn_service.studio.views.sync_page import show_run, show_syncs

__all__ = [
    "CREATING",
    "EDITING",
    "FORMS",
    "PAGES",
    "RELEASING",
    "WITH_CREDENTIALS",
    "render_editor",
    "render_page",
    "render_problem",
    "render_view",
]

_FOLDER: Final = Path(__file__).parents[1] / "templates"
_Show = Callable[[StudioWorkspace, PageRequest], dict[str, Any]]
PAGES: Mapping[str, tuple[str, _Show]] = {
    "overview": ("/", show_overview),
    "steps": ("/steps/{account}/{operation}", show_steps),
    "new": ("/new", show_new_connector),
    "coverage": ("/coverage", show_coverage),
    "recordings": ("/recordings", show_recordings),
    "live": ("/recordings/record", show_live_recording),
    "recording": ("/recordings/{connector}/{name:path}", show_recording),
    "deliveries": ("/deliveries", show_deliveries),
    "impact": ("/impact", show_impact),
    "syncs": ("/syncs", show_syncs),
    "run": ("/syncs/runs/{run}", show_run),
    "releases": ("/releases", show_releases),
}
"""The pages by name, each with its path."""
FORMS: Mapping[str, tuple[str, _Show]] = {
    "proposal": ("/new/proposal", show_proposal),
    "save_connector": ("/new/save", save_connector),
    "review_steps": ("/steps/review", review_steps),
    "save_steps": ("/steps/save", save_steps),
    "record": ("/recordings/record/send", record_live),
    "promote": ("/releases/promote", move_channel),
    "roll_back": ("/releases/roll-back", return_channel),
}
"""The forms by name, each with its path. It answers with a `location`, or with the values of a page."""
EDITING: frozenset[str] = frozenset({"save_connector", "live", "record", "save_steps"})
"""The pages and forms that save edits or recordings, or lead to that."""
CREATING: frozenset[str] = frozenset({"new", "proposal", "save_connector"})
"""Those that add a connector, which all accounts of a service share."""
RELEASING: frozenset[str] = frozenset({"promote", "roll_back"})
"""The forms that move channels."""
WITH_CREDENTIALS: frozenset[str] = frozenset({"live", "record"})
"""Those that read credentials, and call the vendor."""
_ANSWERS: Mapping[str, str] = {
    "proposal": "proposal",
    "promote": "refused",
    "record": "recorded",
    "review_steps": "steps_review",
}


@cache
def _load_templates(folder: Path | None) -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader([_FOLDER] if folder is None else [folder, _FOLDER]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def render_page(studio: StudioWorkspace, request: PageRequest) -> dict[str, Any]:
    """Return the HTML of a page, or where to go after a form, and what is to be saved before."""
    frame = request.context.frame
    if request.page in FORMS:
        values = FORMS[request.page][1](studio, request)
        if "location" in values:
            return values
        return {"html": render_view(_ANSWERS[request.page], values, frame, _find_chosen(request.page))}
    values = PAGES[request.page][1](studio, request)
    return {"html": render_view(request.page, values, frame, _find_chosen(request.page))}


def render_problem(problem: Mapping[str, Any], page: str, frame: PageFrame) -> str:
    """Return the HTML of an error."""
    return render_view("problem", {"problem": problem}, frame, _find_chosen(page))


def render_editor(context: QueryContext, nonce: str) -> str:
    """Return the HTML of the page of the three columns."""
    values = {"nonce": nonce, "is_read_only": context.user.edit_refusal != ""}
    return render_view("editor", values, context.frame, "edit")


def render_view(
    template: str, values: Mapping[str, Any], frame: PageFrame, chosen: str, folder: Path | None = None
) -> str:
    """Return the HTML of a template in its frame. `chosen` is the path of the link to this page, and `folder` has
    further templates."""
    values = {**values, "chosen": chosen, "frame": frame, "root": frame.root}
    return _load_templates(folder).get_template(f"{template}.html").render(values)


def _find_chosen(page: str) -> str:
    return {**PAGES, **FORMS}[page][0].split("/")[1]
