"""Colours of services in SVG and HTML: the same for a name in every trace, and legible on white and on black.

Red is reserved for errors, so no colour here is close to it.
"""

from collections.abc import Iterable
from zlib import crc32

from spantree.render.vocabulary import PLAIN, Vocabulary

__all__ = ["service_colours"]

PALETTE = (
    "#7e8900",
    "#4660db",
    "#129e8e",
    "#af64ce",
    "#986438",
    "#2193ce",
    "#689b1a",
    "#847ce2",
    "#a28700",
    "#008d65",
    "#9d6184",
    "#0082a1",
    "#77793f",
    "#816993",
    "#4e7b78",
    "#4d7a9a",
)


def service_colours(services: Iterable[str], vocabulary: Vocabulary = PLAIN) -> dict[str, str]:
    """Return the colour of each service, as `#rrggbb`: the vocabulary's, or else one chosen by the hash of its name.

    If another of these services has that colour, the next free one is taken. Colours repeat when none is free.
    """
    names = list(dict.fromkeys(services))
    chosen = {name: vocabulary.colours[name] for name in names if name in vocabulary.colours}
    taken = set(chosen.values())
    for name in sorted(set(names) - set(chosen)):  # sorted, so that a colour does not depend on the order of the spans
        chosen[name] = _free_colour(name, taken)
        taken.add(chosen[name])
    return {name: chosen[name] for name in names}


def _free_colour(name: str, taken: set[str]) -> str:
    # crc32 is the same in every process; Python's hash of a text is not (PYTHONHASHSEED)
    first = crc32(name.encode(errors="surrogatepass")) % len(PALETTE)
    colours = PALETTE[first:] + PALETTE[:first]
    return next((colour for colour in colours if colour not in taken), colours[0])
