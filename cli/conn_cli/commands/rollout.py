"""`conn rollout`: show which release each account of a channel uses, and halt, resume and pin."""

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from conn_cli.console import App
from conn_cli.release_options import ByOption, FormatOption, StoreOption, find_actor, find_release_store, open_releases
from conn_cli.service_options import OtherServiceStore, read_revisions

if TYPE_CHECKING:
    from conn_engine.config import Workspace
    from conn_engine.releases import Channel, ChannelMove
    from conn_engine.releases.actors import Act
    from conn_engine.releases.model import Rollout
    from conn_engine.releases.status import ChannelStatus
    from conn_engine.reports import Report


def rollout(
    context: typer.Context,
    *,
    channel: Annotated[str, typer.Argument(metavar="CHANNEL", help="Channel, such as production.")],
    halt: Annotated[
        bool, typer.Option("--halt", help="Stop the rollout: its accounts use the channel's release.")
    ] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Continue a halted rollout.")] = False,
    pin: Annotated[
        str | None,
        typer.Option("--pin", metavar="ACCOUNT", help="Let an account use the channel's release until --until."),
    ] = None,
    until: Annotated[
        str | None, typer.Option("--until", metavar="TIME", help="When the pin ends, such as 2030-01-31, UTC.")
    ] = None,
    unpin: Annotated[
        str | None, typer.Option("--unpin", metavar="ACCOUNT", help="Remove the pin of an account.")
    ] = None,
    reason: Annotated[str, typer.Option("--reason", help="Reason to record in the history.")] = "",
    service_store: OtherServiceStore = None,
    by: ByOption = None,
    store: StoreOption = None,
    formats: FormatOption = None,
) -> None:
    """Show which release each account of a channel uses.

    A rollout starts, grows and is completed with conn promote, and ends with conn rollback. A halted one continues only
    with --resume. A pin lets an account stay at a release for some time.

    \b
    Examples:
      conn rollout production
      conn rollout production --halt --reason "names are missing"
      conn rollout production --pin acme --until 2030-01-31 --reason "trade fair"
    """
    from conn_cli.report import releases as report
    from conn_cli.report import write_report
    from conn_engine.releases import ReleaseSource
    from conn_engine.releases.status import describe_channel
    from conn_service.revisions import with_revisions

    app: App = context.obj
    act, revisions = find_actor(app, by), read_revisions(app, service_store)
    with open_releases(app, store) as releases, ReleaseSource(find_release_store(app, store), channel) as source:
        served = releases.channel(channel)
        workspace = with_revisions(source.current().workspace, revisions)
        move = _plan_move(served, workspace, act, (halt, resume, pin, unpin), until, reason)
        if move is not None:
            served = releases.move(move)
        status = describe_channel(served, releases.history(channel), workspace, act.now)
        if service_store is not None and served.rollout is not None:
            status = _add_counts(app, service_store, status, served.rollout)

    def describe() -> "Report":
        from conn_engine.releases.report import RolloutReport

        return RolloutReport.from_status(status)

    write_report(describe, formats or [], report.draw_status(status), app, folder=app.folder)


def _add_counts(app: App, store: str, status: "ChannelStatus", rollout: "Rollout") -> "ChannelStatus":
    """Return a status with what the service has seen of its rollout."""
    from conn_cli.account_vault import open_vault_engine
    from conn_service.rollouts import RolloutStore

    with open_vault_engine(app, store) as engine:
        found = RolloutStore(engine)
        counts, differences = found.count(rollout.seed, rollout.since), found.list_differences(rollout.seed)
    return replace(status, counts=counts, differences=differences)


def _plan_move(  # noqa: PLR0917
    channel: "Channel",
    workspace: "Workspace",
    act: "Act",
    wanted: tuple[bool, bool, str | None, str | None],
    until: str | None,
    reason: str,
) -> "ChannelMove | None":
    """Return the move that the options ask for, None if they only show the channel. Raises UsageError."""
    from conn_cli.delivery_options import parse_time
    from conn_engine.errors import UsageError
    from conn_engine.releases.rollouts import halt_rollout, pin_account, resume_rollout, unpin_account

    halt, resume, pin, unpin = wanted
    if sum(1 for one in wanted if one) > 1:
        raise UsageError("--halt, --resume, --pin and --unpin are separate steps", hint="pass one of them")
    if (until is None) != (pin is None):
        raise UsageError(
            "--pin needs --until, and --until needs --pin", hint="pass both: --pin acme --until 2030-01-31"
        )
    if halt:
        return halt_rollout(channel, reason, act)
    if resume:
        return resume_rollout(channel, reason, act)
    if pin is not None:
        return pin_account(channel, pin, parse_time(until, "--until") or 0.0, reason, act, workspace.accounts())
    return None if unpin is None else unpin_account(channel, unpin, reason, act)
