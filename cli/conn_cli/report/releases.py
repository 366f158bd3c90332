"""Draw releases, promotions, rollbacks, the history and differences as text and Markdown.

Markdown has paths, names and counts, but no value of the configuration or of a record.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from conn_cli.formatting import join_lines
from conn_cli.report import impact as impact_report
from conn_cli.report.markdown import cell, code
from conn_engine.diagnostics import join_words, pluralize
from conn_engine.releases import Channel, ChannelMove, Release, shorten

if TYPE_CHECKING:
    from conn_engine.releases.difference import Difference, PathChange
    from conn_engine.releases.promotion import CreatedRelease, Promotion
    from conn_engine.releases.rollout_counts import FieldDifference
    from conn_engine.releases.status import ChannelStatus

__all__ = ["draw_difference", "draw_history", "draw_promotion", "draw_release", "draw_rollback", "draw_status"]

MOST = 40
NOTHING = "nothing"
Drawings = dict[str, Callable[[], str]]


# --- conn release ---


def draw_release(created: "CreatedRelease") -> Drawings:
    """Draw a release that was created or already existed."""
    return {"text": lambda: _release_text(created), "markdown": lambda: _release_md(created)}


def _release_text(created: "CreatedRelease") -> str:
    state = pluralize(created.files, "file") if created.new else "already exists: the same content is the same release"
    lines = [f"release {shorten(created.release.id)}   {state}", *_verdict_lines(created.release.verdict)]
    lines += [f"  left out: {path} (specific to this machine)" for path in created.left_out]
    if created.verdict.good:
        lines.append(f"next: conn promote {shorten(created.release.id)} staging")
    else:
        lines.append("it cannot be promoted: run conn lint and conn test for details")
    return join_lines(lines)


def _release_md(created: "CreatedRelease") -> str:
    lines = [f"### Release {code(shorten(created.release.id))}{'' if created.new else ' (already existed)'}", ""]
    lines += [
        f"- {pluralize(created.files, 'file')}",
        *(f"- {line.strip()}" for line in _verdict_lines(created.release.verdict)),
    ]
    return join_lines(lines)


def _verdict_lines(verdict: Mapping[str, Any]) -> list[str]:
    lint, tests = verdict.get("lint"), verdict.get("tests")
    if not lint or not tests:
        return []
    failed = f"{pluralize(tests['failed'], 'operation')} failed" if tests["failed"] else "0 failed"
    replayed = f"{pluralize(tests['cases'], 'case')}, {failed}" if tests["cases"] else "nothing recorded"
    missing = f", {pluralize(tests['unrecorded'], 'operation')} without a recording" if tests["unrecorded"] else ""
    return [
        f"  lint   {pluralize(lint['errors'], 'error')}, {pluralize(lint['warnings'], 'warning')}",
        f"  tests  {replayed}{missing}",
    ]


# --- conn promote ---


def draw_promotion(done: "Promotion") -> Drawings:
    """Draw a promotion, or why it was refused."""
    return {
        "text": lambda: _promotion_text(done),
        "markdown": lambda: _promotion_md(done),
    }


def _promotion_text(done: "Promotion") -> str:
    name = done.before.name
    if done.already:
        return f"{name} already serves {shorten(done.release)}\n"
    lines = _verdict_lines(done.counts())
    if done.impact is not None:
        lines += [f"  {line}" for line in impact_report.draw_text(done.impact).splitlines()]
    elif done.rollout is None:
        lines.append("  impact nothing to compare with: the first release of this channel")
    lines.append(f"{name}: {_format_move(done, str)}{'' if done.event else '   not promoted'}")
    if done.overridden and done.event is not None:
        lines.append(f"  overridden: {done.event.reason}")
        lines += [f"    {refusal}" for refusal in done.refusals]
    return join_lines(lines)


def _promotion_md(done: "Promotion") -> str:
    if done.already:
        return f"### {code(done.before.name)} already serves {code(shorten(done.release))}\n"
    state = "promoted" if done.event else "**not promoted**"
    lines = [f"### {code(done.before.name)}: {_format_move(done, code, names=done.account_names)}, {state}", ""]
    lines += [f"- {line.strip()}" for line in _verdict_lines(done.counts())]
    lines += [f"- refused: {code(refusal)}" for refusal in done.refusals]
    if done.impact is not None:
        lines += ["", impact_report.draw_markdown(done.impact, names=done.account_names).rstrip()]
    return join_lines(lines)


def _format_move(done: "Promotion", mark: Callable[[str], str], *, names: bool = True) -> str:
    """Return what changes for whom: `a -> b`, or `b for 10% of the accounts (3 accounts, 2 new), a for the others`."""
    before, release = mark(shorten(done.before.release)) or NOTHING, mark(shorten(done.release))
    if done.rollout is None:
        return f"{before} {'->' if mark is str else '→'} {release}"
    if not done.rollout.is_served:
        return f"{release} is only compared, {before} for every account"
    joined = f"{pluralize(len(done.members), 'account')}, {len(done.joined):,} new"
    return f"{release} for {done.rollout.cohort.describe(names=names)} ({joined}), {before} for the others"


# --- conn rollback ---


def draw_rollback(serving: Channel, event: ChannelMove | None) -> Drawings:
    """Draw a rollback. Without an event, the channel already served the release."""

    def format_rollback(mark: Callable[[str], str]) -> str:
        if event is None:
            return f"{mark(serving.name)} already serves {mark(shorten(serving.release))}"
        previous, now = mark(shorten(event.previous)), mark(shorten(event.release))
        if previous == now:
            return f"{mark(event.channel)}: {now} for every account   the rollout is ended"
        return f"{mark(event.channel)}: {previous} -> {now}   rolled back"

    return {
        "text": lambda: f"{format_rollback(str)}\n",
        "markdown": lambda: f"### {format_rollback(code)}\n",
    }


# --- conn rollout ---


def draw_status(status: "ChannelStatus") -> Drawings:
    """Draw who uses which release of a channel."""
    return {
        "text": lambda: join_lines(_status_lines(status, str)),
        "markdown": lambda: join_lines([f"### {code(status.channel.name)}", "", *_status_lines(status, code, "- ")]),
    }


def _status_lines(status: "ChannelStatus", mark: Callable[[str], str], indent: str = "") -> Iterator[str]:
    """Yield the lines. Those for Markdown, which have a mark and an indent, count accounts instead of naming them."""
    channel, rollout = status.channel, status.channel.rollout
    number = len(status.users[channel.release])
    yield (
        f"{indent}{channel.name} serves {mark(shorten(channel.release))} to {pluralize(number, 'account')}, "
        f"since {_format_time(status.since)}"
    )
    inner = indent or "  "
    if rollout is not None:
        names = f": {join_words(status.members, most=8)}" if status.members and not indent else ""
        count = f"{pluralize(len(status.members), 'account')}, since {_format_time(rollout.since)}{names}"
        served = (
            f"to {rollout.cohort.describe(names=not indent)} ({count})"
            if rollout.is_served
            else "to no account: only compared"
        )
        if rollout.halted:
            served = f"to no account: halted at {_format_time(rollout.since)}"
        yield f"{inner}{mark(shorten(rollout.release))} {served}"
        if rollout.halted:
            yield f"{inner}  halted: {mark(rollout.halted)}"
        yield from (f"{inner}  {line}" for line in _watched_lines(status, mark, names=not indent))
    for pin in channel.pins:
        ended = pin.has_ended(status.now)
        state = "was pinned" if ended else "is pinned"
        reason = f"({mark(pin.reason)}, {mark(pin.by)})"
        release = mark(shorten(pin.release))
        account, until = "an account" if indent else pin.account, _format_time(pin.until)
        yield f"{inner}{account} {state} to {release} until {until} {reason}"
        if ended and not indent:
            fix = f"conn rollout {channel.name} --unpin {pin.account}"
            yield f"{inner}  it uses what the channel serves; remove the pin: {fix}"
    if status.unread:
        unread = pluralize(len(status.unread), "account") if indent else join_words(list(status.unread), most=8)
        yield f"{inner}unknown, because the files cannot be read: {unread}"


def _watched_lines(status: "ChannelStatus", mark: Callable[[str], str], *, names: bool) -> Iterator[str]:
    """Yield what the service has seen of a rollout. The numbers of one that was halted are in the history."""
    if status.counts is None or status.channel.rollout is None:
        return
    sides = {"its accounts": status.counts.members, "the others": status.counts.others}
    for name, counts in sides.items() if not status.channel.rollout.halted else ():
        failed = f", {counts.failed:,} failed" if counts.failed else ""
        rest = {"now miss something": counts.missing, "not comparable": counts.different, "dropped": counts.dropped}
        details = "".join(f", {number:,} {words}" for words, number in rest.items() if number)
        yield f"{pluralize(counts.calls, 'call')} of {name}{failed}; {counts.compared:,} compared{details}"
    rows: dict[tuple[str, str, str], list[FieldDifference]] = {}
    for row in status.differences:
        rows.setdefault((row.operation, row.field, row.kind), []).append(row)
    for (operation, field, kind), found in [*rows.items()][:MOST]:
        records, calls = sum(row.records for row in found), sum(row.calls for row in found)
        described = _describe_kind(kind, records, calls)
        accounts = join_words([_format_account(row, mark) for row in found], most=3) if names else ""
        in_accounts = f": {accounts}" if names else f" of {pluralize(len(found), 'account')}"
        yield f"{mark(f'{operation} {field}'.strip())}   {described}{in_accounts}"
    yield from (line.strip() for line in _count_left_out(len(rows)))


def _describe_kind(kind: str, records: int, calls: int) -> str:
    if kind == "request_changed":
        return f"in {pluralize(calls, 'call')}"
    words = {"missing": "now missing", "added": "new"}.get(kind, kind.replace("_", " "))
    return f"{words} in {pluralize(records, 'record')} of {pluralize(calls, 'call')}"


def _format_account(row: "FieldDifference", mark: Callable[[str], str]) -> str:
    """Return the account of a difference, with IDs of some of its records."""
    return f"{row.account} ({', '.join(mark(one) for one in row.ids)})" if row.ids else row.account


# --- conn history ---


def draw_history(channels: Sequence[Channel], events: Sequence[ChannelMove], releases: Sequence[Release]) -> Drawings:
    """Draw what the channels serve, their moves, and the releases."""
    return {
        "text": lambda: _history_text(channels, events, releases),
        "markdown": lambda: _history_md(channels, events, releases),
    }


def _history_text(channels: Sequence[Channel], events: Sequence[ChannelMove], releases: Sequence[Release]) -> str:
    width = max((len(channel.name) for channel in channels), default=0)
    lines = [f"{c.name:<{width}}  serves {_format_served(c, str)}   revision {c.revision}" for c in channels]
    lines += [] if channels else ["no channel serves anything yet: conn promote latest staging"]
    for event in events:
        move = f"{shorten(event.previous) or NOTHING} -> {_format_target(event)}"
        reason = f"   {event.reason}" if event.reason else ""
        time = _format_time(event.done_at)
        lines.append(f"  {time}  {event.channel:<{width}}  {event.kind:<8}  {move}  {event.done_by}{reason}")
    if releases:
        lines.append("releases")
    for release in releases:
        state = _state(release.verdict)
        message = f"   {release.message}" if release.message else ""
        lines.append(
            f"  {_format_time(release.made_at)}  {shorten(release.id)}  {state:<5}  {release.made_by}{message}"
        )
    return join_lines(lines)


def _format_served(channel: Channel, mark: Callable[[str], str]) -> str:
    rollout, served = channel.rollout, mark(shorten(channel.release))
    if rollout is not None:
        cohort = rollout.cohort.describe(names=mark is str)
        state = "halted" if rollout.halted else cohort if rollout.is_served else "only compared"
        served += f", and {mark(shorten(rollout.release))} ({state})"
    return served + (f", {pluralize(len(channel.pins), 'pin')}" if channel.pins else "")


def _format_target(event: ChannelMove, *, names: bool = True) -> str:
    if event.kind != "rollout" or event.rollout is None:
        return shorten(event.release)
    cohort = event.rollout.cohort.describe(names=names) if event.rollout.is_served else "only compared"
    return f"{shorten(event.rollout.release)} ({cohort})"


def _history_md(channels: Sequence[Channel], events: Sequence[ChannelMove], releases: Sequence[Release]) -> str:
    lines = [f"- {code(c.name)} serves {_format_served(c, code)} (revision {c.revision})" for c in channels]
    lines += ["", "| when | channel | what | from | to | who | why |", "|---|---|---|---|---|---|---|"]
    for event in events:
        moved = [shorten(event.previous) or NOTHING, _format_target(event, names=False)]
        cells = [event.done_at, event.channel, event.kind, *moved, event.done_by, event.reason]
        lines.append(f"| {' | '.join(map(cell, cells))} |")
    if releases:
        lines += ["", "| release | when | who | state | what |", "|---|---|---|---|---|"]
    for release in releases:
        cells = [shorten(release.id), release.made_at, release.made_by, _state(release.verdict), release.message]
        lines.append(f"| {' | '.join(map(cell, cells))} |")
    return join_lines(lines)


def _state(verdict: Mapping[str, Any]) -> str:
    failing = verdict.get("lint", {}).get("errors") or verdict.get("tests", {}).get("failed")
    return "fails" if failing else "good"


def _format_time(time: str) -> str:
    return time[:16].replace("T", " ")


# --- conn diff ---


def draw_difference(difference: "Difference") -> Drawings:
    """Draw the differences between two releases."""
    return {
        "text": lambda: _difference_text(difference),
        "markdown": lambda: _difference_md(difference),
    }


SIGNS = {"added": "+", "removed": "-", "changed": "~"}


def _title(difference: "Difference", mark: Callable[[str], str] = str) -> str:
    sides = [f"{mark(side.name)} ({mark(shorten(side.manifest.id))})" for side in (difference.before, difference.after)]
    return " -> ".join(sides)


def _difference_text(difference: "Difference") -> str:
    if difference.same:
        return f"{_title(difference)}: no differences\n"
    lines = [_title(difference), pluralize(len(difference.files), "file")]
    lines += [f"  {SIGNS[file.note]} {file.path}" for file in difference.files[:MOST]] + _count_left_out(
        len(difference.files)
    )
    for word, names in (("new", difference.added), ("gone", difference.removed)):
        if names:
            lines.append(
                f"{pluralize(len(names), 'account')} {word}: {', '.join(names[:8])}{' …' if len(names) > 8 else ''}"
            )
    lines.append(f"effective configuration: {pluralize(len(difference.paths), 'path')}")
    for change in difference.paths[:MOST]:
        value = {"added": change.after, "removed": change.before}.get(change.note, f"{change.before} -> {change.after}")
        varied = ", differs between accounts" if change.varied else ""
        lines.append(f"  {SIGNS[change.note]} {_place(change)}   {value}   {_reach(change)}{varied}")
    lines += _count_left_out(len(difference.paths))
    lines += [f"  unknown: {message} ({pluralize(number, 'account')})" for message, number in difference.broken]
    return join_lines(lines)


def _place(change: "PathChange") -> str:
    return f"{change.connector}: {change.path}" if change.connector else f"conn.yaml: {change.path}"


def _reach(change: "PathChange") -> str:
    return f"({pluralize(change.accounts, 'account')})" if change.connector else "(everywhere)"


def _difference_md(difference: "Difference") -> str:
    lines = [f"### {_title(difference, code)}", ""]
    if difference.same:
        return join_lines([*lines, "No differences."])
    lines += [f"- {code(file.path)} {file.note}" for file in difference.files[:MOST]] + _count_left_out(
        len(difference.files)
    )
    for word, names in (("new", difference.added), ("gone", difference.removed)):
        lines += [f"- {pluralize(len(names), 'account')} {word}"] if names else []
    if difference.paths:
        lines += ["", "| effective configuration | | accounts |", "|---|---|---:|"]
        lines += [
            f"| {cell(_place(change))} | {change.note} | {f'{change.accounts:,}' if change.connector else 'all'} |"
            for change in difference.paths[:MOST]
        ]
        lines += _count_left_out(len(difference.paths))
    lines += [f"- unknown: {code(message)}, {pluralize(number, 'account')}" for message, number in difference.broken]
    return join_lines(lines)


def _count_left_out(number: int) -> list[str]:
    return [f"  … and {number - MOST:,} more"] if number > MOST else []
