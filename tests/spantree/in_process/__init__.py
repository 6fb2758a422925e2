"""Tests of `spantree.in_process`."""
