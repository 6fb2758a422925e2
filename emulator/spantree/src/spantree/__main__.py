"""The script `spantree`, which is also `python -m spantree`. Needs the extra `cli`."""

import sys

from spantree import __version__


def main() -> None:
    """Run the command line."""
    try:
        from spantree.cli.commands import COMMANDS
        from spantree.cli.glyphs import replace_missing_glyphs
        from spantree.cli.lazy import application
    except ModuleNotFoundError as error:
        sys.exit(
            f"spantree: the commands need {error.name}, which the extra `cli` installs: pip install 'spantree[cli]'"
        )
    replace_missing_glyphs()
    application("spantree", __version__, "Check, show, convert, record and watch traces.", COMMANDS)()


if __name__ == "__main__":
    main()
