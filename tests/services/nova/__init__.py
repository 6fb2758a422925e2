"""Nova, tested through its API, its messages and the traces that it exports."""
