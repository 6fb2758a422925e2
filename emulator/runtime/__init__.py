"""HTTP, AMQP and OpenTelemetry for services: it knows nothing of OpenStack but the prefix of our own attributes."""
