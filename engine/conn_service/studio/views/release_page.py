"""Releases and channels: what each channel serves and served, and moving one, with a reason."""

from typing import Any
from urllib.parse import quote

from conn_engine.errors import UsageError
from conn_engine.releases import DEFAULT_FILE, StoreLocation, open_store
from conn_engine.releases.actors import Act
from conn_engine.releases.model import shorten
from conn_engine.releases.promotion import promote
from conn_engine.releases.rollouts import roll_back
from conn_engine.releases.store import Store
from conn_engine.wire import MACHINE_CLOCK
from conn_service.revisions import Revision, RevisionStore, write_revisions
from conn_service.studio.drafts import StudioWorkspace
from conn_service.studio.views.page_request import PageRequest

__all__ = ["move_channel", "return_channel", "show_releases"]

_MOST = 50


def find_store(studio: StudioWorkspace, request: PageRequest) -> StoreLocation:
    """Return where the releases are."""
    text = request.context.store or studio.saved.settings.store or str(DEFAULT_FILE)
    return StoreLocation.read(text, studio.root)


def show_releases(studio: StudioWorkspace, request: PageRequest) -> dict[str, Any]:
    """Return the channels, their history and the releases; none before the first release."""
    location = find_store(studio, request)
    values: dict[str, Any] = {"channels": [], "releases": [], "events": [], "moved": request.query.get("moved", "")}
    if location.file is not None and not location.file.exists():
        return values
    with open_store(location) as store:
        return {**values, **_read_store(store)}


def _read_store(store: Store) -> dict[str, Any]:
    channels = store.channels()
    return {
        "channels": [
            {
                "name": channel.name,
                "release": channel.release,
                "short": shorten(channel.release),
                "revision": channel.revision,
                "rollout": channel.rollout,
            }
            for channel in channels
        ],
        "releases": [
            {
                "id": release.id,
                "short": shorten(release.id),
                "message": release.message,
                "made_by": release.made_by,
                "date": release.made_at[:16].replace("T", " "),
                "channels": [channel.name for channel in channels if channel.release == release.id],
                "failed": (release.verdict.get("tests") or {}).get("failed", 0),
                "errors": (release.verdict.get("lint") or {}).get("errors", 0),
            }
            for release in store.releases(_MOST)
        ],
        "events": [
            {
                "date": event.done_at[:16].replace("T", " "),
                "channel": event.channel,
                "kind": event.kind,
                "release": shorten(event.release),
                "previous": shorten(event.previous),
                "by": event.done_by,
                "reason": event.reason,
            }
            for event in store.history(None, _MOST)
        ],
    }


def move_channel(studio: StudioWorkspace, request: PageRequest) -> dict[str, Any]:
    """Promote a release to a channel. The answer has `moved`, or the objections of the checks."""
    release, channel = request.require("release", "the release"), request.require("channel", "the channel")
    reason = request.require("reason", "the reason")
    is_forced = request.query.get("despite") == "yes"
    revisions = _find_revisions(studio, request)
    with open_store(find_store(studio, request)) as store:
        done = promote(
            store,
            release,
            channel,
            Act(request.context.user.actor, MACHINE_CLOCK.now()),
            override=reason if is_forced else "",
            reason=reason,
            expected=request.query.get("expected", ""),
            complete=lambda folder: write_revisions(folder, revisions),
        )
        if done.event is not None or done.already:
            return {"location": f"/releases?moved={quote(channel)}"}
    return {"release": shorten(release), "id": release, "channel": channel, "reason": reason, "refusals": done.refusals}


def _find_revisions(studio: StudioWorkspace, request: PageRequest) -> list[Revision]:
    """Return the accounts and connectors of the service's database, which the checks include; none without one."""
    with request.open_service_store(studio.root) as engine:
        return [] if engine is None else RevisionStore(engine).find_changed()


def return_channel(studio: StudioWorkspace, request: PageRequest) -> dict[str, Any]:
    """Roll a channel back to what it served before, or to a release that it served."""
    channel, reason = request.require("channel", "the channel"), request.require("reason", "the reason")
    with open_store(find_store(studio, request)) as store:
        if request.query.get("expected", "") not in ("", store.channel(channel).release):
            raise UsageError(f"{channel} serves another release by now", hint="open the page again, and decide again")
        act = Act(request.context.user.actor, MACHINE_CLOCK.now())
        roll_back(store, channel, act, to=request.query.get("release", ""), reason=reason)
    return {"location": f"/releases?moved={quote(channel)}"}
