"""Tests of the reference instrumentation on its own, in foreign code."""
