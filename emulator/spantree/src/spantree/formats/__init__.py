"""Where spans come from: OTLP in protobuf and JSON, opentelemetry-sdk, Jaeger."""
