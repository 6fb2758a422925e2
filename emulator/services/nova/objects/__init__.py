"""Nova's records, like `nova.objects`: servers, flavors, key pairs, quotas and instance actions, kept in memory."""
