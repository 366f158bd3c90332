"""`conn promote`: check a release, and make a channel serve it."""

from typing import TYPE_CHECKING, Annotated

import typer

from conn_cli.console import App
from conn_cli.exits import Exit
from conn_cli.release_options import ByOption, FormatOption, StoreOption, find_actor, open_releases
from conn_cli.service_options import OtherServiceStore, read_revisions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from conn_engine.releases.cohorts import Cohort
    from conn_engine.reports import Report


def promote(
    context: typer.Context,
    *,
    source: Annotated[
        str,
        typer.Argument(
            metavar="FROM", help="Release to promote: a channel (what it serves), latest, or the start of an id."
        ),
    ],
    channel: Annotated[
        str,
        typer.Argument(
            metavar="TO", help="Channel to change: staging, production, or an environment of the workspace."
        ),
    ],
    despite: Annotated[
        str,
        typer.Option(
            "--despite",
            metavar="REASON",
            help="Promote despite failed checks. The reason is recorded in the history.",
        ),
    ] = "",
    override: Annotated[str, typer.Option("--override", hidden=True)] = "",
    expect: Annotated[
        str, typer.Option("--expect", metavar="RELEASE", help="Promote only if TO still serves this release.")
    ] = "",
    connector: Annotated[
        str,
        typer.Option("--connector", metavar="NAME", help="Take only this connector from FROM; the rest of TO stays."),
    ] = "",
    account: Annotated[
        list[str] | None,
        typer.Option("--account", "-a", metavar="NAME", help="Only for this account. Repeatable."),
    ] = None,
    tag: Annotated[
        list[str] | None,
        typer.Option("--tag", metavar="TAG", help="Only for accounts with this tag. Repeatable."),
    ] = None,
    percent: Annotated[
        float | None,
        typer.Option("--percent", min=0, max=100, help="Only for this share of the accounts. 100 is every account."),
    ] = None,
    shadow: Annotated[
        bool, typer.Option("--shadow", help="For no account yet: conn serve only compares what would change.")
    ] = False,
    service_store: OtherServiceStore = None,
    by: ByOption = None,
    store: StoreOption = None,
    formats: FormatOption = None,
) -> None:
    """Check a release, and make a channel serve it.

    Runs lint, the tests, and the impact on every account. Exits with 1 if a check fails and the channel was not
    changed. With --account, --tag or --percent, only these accounts use the release, and the impact is that on them:
    promote it again with more, or without these options for every account. conn rollout watches it.

    \b
    Examples:
      conn promote latest staging
      conn promote staging production
      conn promote staging production --percent 10
      conn promote latest production --connector shop --tag beta
    """
    from conn_cli.report import releases as report
    from conn_cli.report import write_report
    from conn_engine.releases.promotion import promote as move
    from conn_service.revisions import write_revisions

    app: App = context.obj
    cohort = _read_cohort(account or (), tag or (), percent, shadow=shadow)
    revisions = read_revisions(app, service_store)
    with open_releases(app, store) as releases, app.progress("checking") as progress:
        done = move(
            releases,
            source,
            channel,
            find_actor(app, by),
            override=(despite or override).strip(),
            expected=expect,
            connector=connector,
            cohort=cohort,
            tell=lambda note: progress.advance(note=note),
            complete=lambda folder: write_revisions(folder, revisions),
        )

    def describe() -> "Report":
        from conn_engine.releases.report import PromotionReport

        return PromotionReport.from_promotion(done)

    write_report(describe, formats or [], report.draw_promotion(done), app, folder=app.folder)
    if done.event is None and not done.already:
        app.err(f"error: not promoted: {'; '.join(done.refusals)}")
        app.err('  to promote despite this: --despite "REASON"; the history records the reason')
        raise typer.Exit(Exit.FINDINGS)


def _read_cohort(accounts: "Sequence[str]", tags: "Sequence[str]", percent: float | None, *, shadow: bool) -> "Cohort":
    """Return the accounts of the options. Raises UsageError for a choice that never has an account."""
    from conn_engine.errors import UsageError
    from conn_engine.releases.cohorts import Cohort

    if shadow:
        if accounts or tags or percent is not None:
            raise UsageError("--shadow is for no account", hint="remove --account, --tag and --percent")
        return Cohort(percent=0)
    if percent == 0 and not accounts:
        raise UsageError("--percent 0 selects no account", hint="to only compare, without serving it: --shadow")
    return Cohort(tuple(dict.fromkeys(accounts)), tuple(dict.fromkeys(tags)), percent)
