"""Options of the webhook commands: the address of a delivery, its file, and secrets for one command."""

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from conn_cli.console import App
from conn_cli.file_options import read_bytes
from conn_engine.errors import UsageError

if TYPE_CHECKING:
    from conn_engine.config import Effective
    from conn_engine.testing.deliveries.trial import Trial
    from conn_engine.webhooks import Delivery
    from conn_engine.webhooks.recorded import RecordedDelivery

__all__ = [
    "Account",
    "At",
    "Connector",
    "DeliveryFile",
    "DeliveryOwner",
    "File",
    "Secrets",
    "Url",
    "build_trial",
    "find_delivery_path",
    "find_owner",
    "parse_time",
    "read_delivery",
    "read_secrets",
]

Account = Annotated[str | None, typer.Option("--account", "-a", help="Account that the delivery is for.")]
Connector = Annotated[
    str | None,
    typer.Option("--connector", "-c", help="Connector, if the delivery names the account. Default: the only one."),
]
File = Annotated[
    str,
    typer.Argument(metavar="FILE", help="HTTP request as text, or a recorded delivery (JSON). - reads standard input."),
]
At = Annotated[
    str | None,
    typer.Option(
        "--at",
        metavar="TIME",
        help="Verify the delivery as of this time (RFC 3339). Default: now, or when it was recorded.",
    ),
]
Url = Annotated[str | None, typer.Option("--url", help="URL that the vendor calls, if FILE has no host.")]
Secrets = Annotated[
    list[str] | None,
    typer.Option(
        "--secret",
        metavar="NAME[=@VARIABLE]",
        help="Use this secret for this command only: prompt for it, or read VARIABLE. Repeatable.",
    ),
]


@dataclass(frozen=True, slots=True)
class DeliveryOwner:
    """The account or the connector whose address received a delivery."""

    account: str | None
    connector: str | None

    def load_effective(self, app: App) -> "Effective":
        """Return the effective configuration of the account or connector."""
        return app.workspace.effective(account=self.account, connector=self.connector)


@dataclass(frozen=True, slots=True)
class DeliveryFile:
    """The content of a file: a delivery as it was received, or a recorded one."""

    delivery: "Delivery | None"
    recorded: "RecordedDelivery | None"


def find_owner(app: App, account: str | None, connector: str | None) -> DeliveryOwner:
    """Return the address that the options select, by default that of the only connector with webhooks.

    Raises UsageError if no connector has webhooks, or several have.
    """
    if account is not None:
        return DeliveryOwner(account, None)
    if connector is None:
        names = [name for name in app.workspace.connectors() if _has_webhooks(app, name)]
        if len(names) != 1:
            if not names:
                raise UsageError(
                    "no connector declares webhooks",
                    hint="add webhooks to a connector.yaml; conn webhook scheme lists known vendors",
                )
            raise UsageError(
                f"several connectors declare webhooks: {', '.join(names)}",
                hint="add --account ACCOUNT or --connector NAME",
            )
        connector = names[0]
    app.workspace.effective(account=None, connector=connector)
    return DeliveryOwner(None, connector)


def _has_webhooks(app: App, connector: str) -> bool:
    return app.workspace.effective(account=None, connector=connector).data.get("webhooks") is not None


def read_delivery(app: App, file: str, url: str | None) -> DeliveryFile:
    """Read a delivery from a file or from standard input.

    Raises UsageError if it cannot be read, and ConfigurationError for an invalid recorded delivery.
    """
    from conn_engine.webhooks.request_text import read_request

    path = None if file == "-" else app.folder / file
    raw = read_bytes(app, file)
    if not raw.lstrip().startswith(b"{"):
        return DeliveryFile(read_request(raw, url), None)
    return DeliveryFile(None, _load_recorded(app, path, raw, file))


def _load_recorded(app: App, path: Path | None, raw: bytes, file: str) -> "RecordedDelivery":
    import tempfile

    from conn_engine.webhooks.recorded import load_delivery

    if path is not None:
        return load_delivery(path, file)
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "delivery.json"
        copy.write_bytes(raw)
        return load_delivery(copy, "the input")


def read_secrets(app: App, options: list[str] | None) -> dict[str, str]:
    """Return the secrets of `--secret`. Raises UsageError for a literal value, or if the variable is not set."""
    secrets: dict[str, str] = {}
    for option in options or ():
        name, sign, rest = option.partition("=")
        if sign and not rest.startswith("@"):
            raise UsageError(
                "--secret takes no value, because the process list and the shell history would show it",
                hint=f"--secret {name} prompts for it; --secret {name}=@VARIABLE reads an environment variable",
            )
        if sign and rest[1:] not in app.environ:
            raise UsageError(
                f"--secret {name}: the environment variable {rest[1:]} is not set",
                hint=f"set {rest[1:]}, or omit =@{rest[1:]} to be asked for the secret",
            )
        if not sign and not app.interactive:
            raise UsageError(
                f"--secret {name}: no value given, and no prompt is possible",
                hint=f"set an environment variable and name it: --secret {name}=@VARIABLE",
            )
        secrets[name] = app.environ[rest[1:]] if sign else app.ask(name, secret=True)
        app.redactor.add(secrets[name], name)
    return secrets


def build_trial(app: App, secrets: dict[str, str], at: float | None) -> "Trial":
    """Return a receiver that stores and sends nothing, with the secrets of `--secret` and the time of `--at`."""
    from conn_engine.testing.deliveries.trial import Trial
    from conn_engine.wire import FrozenClock

    clock = app.clock if at is None else FrozenClock(at)
    return Trial(app.workspace, app.environ, clock=clock, redactor=app.redactor, given=secrets)


def parse_time(text: str | None, option: str = "--at") -> float | None:
    """Return an RFC 3339 time in Unix seconds. A time without a zone is UTC. Raises UsageError."""
    if text is None:
        return None
    try:
        time = datetime.fromisoformat(text)
        return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        raise UsageError(f'{option} "{text}" is not a time', hint="write it like 2026-11-25T14:30:00Z") from None


def to_json_line(data: Any) -> str:
    """Return data as JSON on one line."""
    return json.dumps(data, ensure_ascii=False, default=str)


def find_delivery_path(app: App, address: DeliveryOwner, name: str, *, own: bool) -> Path:
    """Return the file of a recorded delivery. Raises UsageError for an invalid file name."""
    if not re.fullmatch(r"[a-z0-9][a-z0-9._-]{0,99}", name):
        raise UsageError(f'"{name}" is not a valid name', hint="use lower-case letters, digits, dots, - and _")
    if own and address.account is None:
        raise UsageError("--own requires --account", hint="add --account ACCOUNT, or omit --own")
    folder = app.workspace.root / "connectors" / address.load_effective(app).connector_name / "deliveries"
    path = (folder / (address.account or "") if own else folder) / f"{name}.json"
    app.workspace.check_inside(path)
    return path
