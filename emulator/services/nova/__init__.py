"""nova: its API, its scheduler and its compute hosts, one package per daemon. They share only messages and objects."""
