"""Which version of the product this is. Nothing of the workspace's."""

__all__ = ["installed_version"]


def installed_version() -> str:
    """The version of the installed distribution, or the word for a checkout that was never installed."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("conn-engine")
    except PackageNotFoundError:
        return "(checkout, not installed)"
