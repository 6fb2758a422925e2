"""OpenStack's behaviour, and nothing else: spans, HTTP and AMQP are the business of `plumbing`."""
