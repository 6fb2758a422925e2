"""Tests of the reference instrumentation: alone, in code that is not ours."""
