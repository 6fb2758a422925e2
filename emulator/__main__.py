"""The entry point of the command line. It imports little: each command loads the slow modules that it needs."""

import gc
import os
import signal
import sys

from spantree.cli.glyphs import replace_missing_glyphs

OBJECTS_PER_COLLECTION = 150_000
"""Imports make many objects and no garbage. Collecting after every 700 of them, as Python does by default, takes a
tenth of the time of a whole boot, which makes fewer than these."""


def main() -> None:
    """Run the command line."""
    gc.set_threshold(OBJECTS_PER_COLLECTION)
    replace_missing_glyphs()
    # The kernel delivers SIGTERM to process 1, which a container runs, only if it has a handler: kill(2), "Notes".
    if os.getpid() == 1:
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    from emulator.cli.app import app

    try:
        app()
    finally:
        gc.freeze()  # memory is given back with the process: looking for garbage in it takes a fifth of a boot's time


if __name__ == "__main__":
    main()
