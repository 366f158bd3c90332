"""Which version of the product this is. Nothing of the workspace's."""

__all__ = ["installed_version"]


def installed_version() -> str:
    """Return the version of the installed distribution, or a word for a checkout that is not installed."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("conn-engine")
    except PackageNotFoundError:
        return "(checkout, not installed)"
