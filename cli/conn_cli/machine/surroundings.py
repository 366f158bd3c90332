"""Check what surrounds the command: the shell, the editor, proxies and certificates."""

import contextlib
from collections.abc import Mapping
from pathlib import Path

from conn_cli.console import App
from conn_cli.machine import report_ok
from conn_engine.command_reports import MachineCheck

__all__ = ["check_certificates", "check_completion", "check_editor", "check_proxies", "find_shell"]

_SCRIPTS = {
    "bash": (".bash_completions/conn.sh", ".bashrc", ".bash_completions/conn.sh"),
    "zsh": (".zfunc/_conn", ".zshrc", ".zfunc"),
    "fish": (".config/fish/completions/conn.fish", "", ""),
}
"""For each shell, where `conn --install-completion` writes its script, the file that loads it, and what is in it."""
_EXTENSION = "conn.conn-vscode"
_OTHER_BUNDLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


def find_shell(environ: Mapping[str, str]) -> str:
    """Return the name of the shell that runs the command, or else of the user's shell; "" if both are unknown."""
    with contextlib.suppress(Exception):  # it reads the table of processes, which differs by system
        import shellingham

        return str(shellingham.detect_shell()[0])
    return Path(environ.get("SHELL", "")).name


def check_completion(environ: Mapping[str, str], shell: str) -> MachineCheck:
    """Check whether completion is installed for a shell."""
    if shell not in _SCRIPTS:
        return MachineCheck(
            check="completion",
            state="info",
            detail=f"Conn has no completion for {shell or 'this shell'}",
            fix="use bash, zsh or fish, and run conn --install-completion",
        )
    home = Path(environ.get("HOME") or Path.home())
    script, loader, mark = _SCRIPTS[shell]
    loaded = _read_text(home / loader) if loader else mark
    if "_CONN_COMPLETE" in loaded or "conn --show-completion" in loaded:
        return report_ok("completion", f"{shell}: ~/{loader}")
    if "_CONN_COMPLETE" not in _read_text(home / script):
        return MachineCheck(
            check="completion",
            state="info",
            detail=f"not installed for {shell}",
            fix="conn --install-completion",
        )
    if mark not in loaded:
        return MachineCheck(
            check="completion",
            state="warn",
            detail=f"{shell}: ~/{loader} does not load ~/{script}",
            fix="conn --install-completion",
        )
    return report_ok("completion", f"{shell}: ~/{script}")


def _read_text(path: Path) -> str:
    with contextlib.suppress(OSError):
        return path.read_text(encoding="utf-8", errors="replace")
    return ""


def check_editor(app: App, root: Path | None) -> MachineCheck:
    """Check whether editors can use `conn lsp`, and whether the schemas that other editors read are current."""
    problem = _find_editor_problem(app, root)
    if problem is None:
        return report_ok("editor", "conn lsp is ready")
    detail, fix = problem
    return MachineCheck(check="editor", state="info", detail=detail, fix=fix)


def _find_editor_problem(app: App, root: Path | None) -> tuple[str, str] | None:
    """Return the first thing to set up, and how."""
    from importlib.util import find_spec

    from conn_cli.workspace_schemas import find_outdated_schemas

    if find_spec("pygls") is None:
        return "conn lsp, which serves editors, needs pygls", "pip install 'conn-engine[lsp]'"
    outdated = list(find_outdated_schemas(root)) if root is not None else []
    if outdated:
        return f"outdated in schemas/: {', '.join(outdated)}", "conn schema --write"
    if app.environ.get("TERM_PROGRAM") != "vscode":
        return None
    home = Path(app.environ.get("HOME") or Path.home())
    if not any(home.glob(f".vscode*/extensions/{_EXTENSION}-*")):
        return f"VS Code does not have the extension {_EXTENSION}", "make extension, then code --install-extension FILE"
    if root is not None and "conn.command" not in _read_text(root / ".vscode" / "settings.json"):
        return ".vscode/settings.json sets no conn.command", 'add "conn.command": ["conn", "lsp"]'
    return None


def check_proxies(app: App) -> MachineCheck:
    """Check the proxies that the environment sets. Their users and passwords are not shown."""
    from conn_engine.errors import ConnError
    from conn_engine.transport.proxies import complete_proxy_url, make_proxy, read_proxies, show_proxy

    proxies = read_proxies()
    without = proxies.pop("no", "")
    if not proxies:
        return report_ok("proxy", "none is set")
    urls = {scheme: complete_proxy_url(url) for scheme, url in sorted(proxies.items())}
    try:
        for url in urls.values():
            make_proxy(url, app.redactor)
    except ConnError as error:
        return MachineCheck(check="proxy", state="bad", detail=error.message, fix=error.hint)
    parts = [f"{scheme.upper()}_PROXY {show_proxy(url)}" for scheme, url in urls.items()]
    return report_ok("proxy", ", ".join([*parts, f"NO_PROXY {without}" if without else "NO_PROXY not set"]))


def check_certificates(app: App, root: Path | None) -> MachineCheck:
    """Check the certificates that servers are verified with."""
    from conn_engine.errors import ConnError
    from conn_engine.transport.tls import build_context

    environ = app.environ
    try:
        trusted = app.workspace.trust.certificates if root is not None else None
        build_context(trusted, None, app.clock.now())
    except ConnError as error:
        return MachineCheck(check="certificates", state="bad", detail=error.message, fix=error.hint)
    names = [name for name in ("SSL_CERT_FILE", "SSL_CERT_DIR") if environ.get(name)]
    unread = [name for name in _OTHER_BUNDLES if environ.get(name)]
    if unread and not names:
        return MachineCheck(
            check="certificates",
            state="warn",
            detail=f"{unread[0]} is set, which Conn does not read",
            fix=f"set SSL_CERT_FILE={environ[unread[0]]}",
        )
    sources = [f"{name} {environ[name]}" for name in names] or ["the usual authorities"]
    if trusted is not None:
        sources.append(f"trusted_certificates {trusted.name}")
    return report_ok("certificates", ", ".join(sources))
