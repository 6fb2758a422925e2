"""Traces as one HTML file: an interactive waterfall that needs no network, no server and no other file."""

from spantree.render.html.document import (
    asset,
    hash_source,
    html_document,
    json_for_html,
    policy,
    waterfall_script,
)
from spantree.render.html.model import waterfall_model

__all__ = ["asset", "hash_source", "html_document", "json_for_html", "policy", "waterfall_model", "waterfall_script"]
