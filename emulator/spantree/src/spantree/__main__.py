"""The script `spantree`, which is also `python -m spantree`. Needs the extra `cli`."""

import sys
from importlib.metadata import PackageNotFoundError, version


def main() -> None:
    """Run the command line."""
    try:
        from spantree.cli.commands import COMMANDS
        from spantree.cli.glyphs import replace_missing_glyphs
        from spantree.cli.lazy import application
    except ModuleNotFoundError as error:
        sys.exit(f"spantree: {error.name} is not installed; its commands need the extra: pip install 'spantree[cli]'")
    replace_missing_glyphs()
    application("spantree", _version(), "Read, check, show and convert traces.", COMMANDS)()


def _version() -> str:
    for distribution in ("spantree", "openstack-boot-emulator"):
        try:
            return version(distribution)
        except PackageNotFoundError:
            continue
    return "unknown"


if __name__ == "__main__":
    main()
