"""`/servers` and everything below it in Nova's REST API."""
