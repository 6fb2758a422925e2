"""Entry point. Imports little, so that the command line can start loading the rest in the order it needs."""

import gc
import io
import sys

OBJECTS_PER_COLLECTION = 50_000
"""Imports make many objects and no garbage. To collect after every 700 of them, Python's default, takes a tenth of
the time that a boot takes from start to exit."""


def main() -> None:
    gc.set_threshold(OBJECTS_PER_COLLECTION)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal without our bars and ticks gets question marks
    from emulator.cli import app

    app()


if __name__ == "__main__":
    main()
