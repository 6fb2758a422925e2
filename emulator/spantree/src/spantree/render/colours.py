"""The colours of services in web pictures: the same for a name in every trace, and legible on white and on black.

Red is left to errors.
"""

from collections.abc import Iterable
from zlib import crc32

__all__ = ["service_colours"]

KNOWN = {
    "openstack-client": "#6d7c8f",
    "nova-api": "#337cda",
    "nova-scheduler": "#0097a5",
    "nova-compute": "#8e57d8",
    "keystone": "#be7c09",
    "neutron-server": "#2e9848",
    "glance-api": "#d14ba0",
}
OTHERS = (
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


def service_colours(services: Iterable[str]) -> dict[str, str]:
    """Return the colour of each service, as `#rrggbb`.

    A name that is not OpenStack's has the colour that its hash names, or where another service of these has that one,
    the next that is free. Beyond as many as there are, colours come again.
    """
    wanted = list(dict.fromkeys(services))
    taken = {KNOWN[name] for name in wanted if name in KNOWN}
    found: dict[str, str] = {}
    for name in sorted(name for name in wanted if name not in KNOWN):  # the order in which they came does not matter
        found[name] = _free(name, taken)
        taken.add(found[name])
    return {name: KNOWN.get(name) or found[name] for name in wanted}


def _free(name: str, taken: set[str]) -> str:
    first = crc32(name.encode(errors="surrogatepass")) % len(OTHERS)
    colours = OTHERS[first:] + OTHERS[:first]
    return next((colour for colour in colours if colour not in taken), colours[0])
