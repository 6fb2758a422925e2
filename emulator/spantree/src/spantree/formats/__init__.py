"""Formats of spans: one file per format, with its reader and, where there is one, its writer. None knows of trees.

`spantree` exports the functions. This package imports none of them, so that reading a file does not import HTTP.
"""
