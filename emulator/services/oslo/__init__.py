"""What OpenStack's services share, in modules named after the oslo libraries that they stand in for.

They know neither the services nor the seed data.
"""
