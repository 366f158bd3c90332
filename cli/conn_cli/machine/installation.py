"""Check what is installed: Python, the evaluators, the store of credentials, the bundled connectors."""

import platform
from collections.abc import Mapping

from conn_cli.machine import report_ok
from conn_engine.command_reports import MachineCheck

__all__ = ["check_bundle", "check_credential_store", "check_evaluators", "check_python"]


def check_python() -> MachineCheck:
    """Report the versions of Python and of Conn."""
    from conn_cli.version import installed_version

    return report_ok("python", f"{platform.python_version()}, conn {installed_version()}")


def check_evaluators() -> MachineCheck:
    """Check whether the fast evaluator is there."""
    from conn_engine.expressions import evaluators

    names = evaluators()
    detail = ", ".join(names)
    if names[:1] == ("jlens",):
        return report_ok("evaluator", detail)
    return MachineCheck(
        check="evaluator",
        state="warn",
        detail=f"{detail}: mappings are about 30 times slower without jlens",
        fix="use CPython on Linux, macOS or 64-bit Windows, for which jlens has wheels",
    )


def check_credential_store(environ: Mapping[str, str]) -> MachineCheck:
    """Check where credentials are stored, and name the keyring's backend."""
    from conn_engine.errors import ConnError
    from conn_engine.secrets.vault import open_vault
    from conn_engine.secrets.vault.keyring import find_usable_keyring

    try:
        kind = open_vault(environ).kind
    except ConnError as error:
        return MachineCheck(check="credentials", state="bad", detail=error.message, fix=error.hint)
    if kind == "environment":
        disabled = " (CONN_NO_KEYRING is set)" if environ.get("CONN_NO_KEYRING") else ""
        return MachineCheck(
            check="credentials",
            state="warn",
            detail=f"no keyring is available{disabled}",
            fix="set CONN_VAULT_KEY for an encrypted file, or pass CONN_<ACCOUNT>_<FIELD>",
        )
    if kind != "keyring":
        return report_ok("credentials", f"stored in the {kind}")
    backend = find_usable_keyring()
    name = str(getattr(backend, "name", type(backend).__name__))
    if "plaintext" in f"{type(backend).__module__}.{type(backend).__name__} {name}".lower():
        return MachineCheck(
            check="credentials",
            state="bad",
            detail=f"stored in the keyring ({name}), which does not encrypt them",
            fix="uninstall keyrings.alt, or set CONN_NO_KEYRING=1 and CONN_VAULT_KEY for an encrypted file",
        )
    return report_ok("credentials", f"stored in the keyring ({name})")


def check_bundle() -> MachineCheck:
    """Check whether the bundled connectors are installed."""
    from conn_cli.scaffold import list_bundled

    names = list_bundled()
    if names:
        return report_ok("bundle", ", ".join(names))
    return MachineCheck(
        check="bundle", state="bad", detail="the bundled connectors are missing", fix="reinstall conn-engine"
    )
