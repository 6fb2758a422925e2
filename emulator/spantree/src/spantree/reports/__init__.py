"""What the pytest plugin adds to the report of a failed test: differences, traces, files, annotations."""
