"""An OpenTelemetry-instrumented reference emulator of OpenStack's boot sequence."""

__version__ = "0.1.0"
