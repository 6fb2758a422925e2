"""nova: the API, the scheduler and the compute hosts. They talk to each other over the bus only."""
