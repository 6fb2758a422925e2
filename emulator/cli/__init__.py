"""The command line: one file per command; `app` lists them. Options read `EMULATOR_*`, and so does the health check."""
