"""Entry point. Imports little, so that the command line can start loading the rest in the order it needs."""

import gc
import os
import signal
import sys

from spantree.cli.glyphs import replace_missing_glyphs

OBJECTS_PER_COLLECTION = 50_000
"""Imports make many objects and no garbage. To collect after every 700 of them, Python's default, takes a tenth of
the time that a boot takes from start to exit."""


def main() -> None:
    gc.set_threshold(OBJECTS_PER_COLLECTION)
    replace_missing_glyphs()
    if os.getpid() == 1:  # the first process of a container never sees a signal that it has no handler for
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    from emulator.cli.app import app

    app()


if __name__ == "__main__":
    main()
