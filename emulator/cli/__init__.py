"""The command line: one file per command, and in `app` the table of all. Only this room reads `EMULATOR_*`."""
