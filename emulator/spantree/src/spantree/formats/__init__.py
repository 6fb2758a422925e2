"""Formats of spans: a reader, and a writer where there is one, in one file per format. No file knows of trees.

`spantree` exports the functions. This package imports none of them, so that reading a file does not import HTTP.
"""
