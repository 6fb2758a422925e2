"""What OpenStack's services share, in modules named like the oslo libraries that they stand for.

They know no service, and nothing of what a cloud holds.
"""
