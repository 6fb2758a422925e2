"""What the environment makes of the SDK: whether spans are made at all, kept, and sent in time. Nothing is imported
that reads the environment itself, and might not survive it.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from difflib import get_close_matches
from importlib.metadata import entry_points

from emulator.doctor.endpoint import Environment
from emulator.doctor.finding import Finding, failure, ok, warning

__all__ = ["SDK_CHECKS"]

Check = Callable[[Environment], Iterator[Finding]]

RATIOS = {"traceidratio", "parentbased_traceidratio"}
OFF = {"always_off", "parentbased_always_off"}
SAMPLERS = {"always_on", "parentbased_always_on", *OFF, *RATIOS}
CARRIERS = {"tracecontext", "b3", "b3multi", "jaeger", "xray", "ottrace"}
"""Propagators that carry a trace from service to service."""

QUEUE, BATCH, DELAY = "OTEL_BSP_MAX_QUEUE_SIZE", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "OTEL_BSP_SCHEDULE_DELAY"
BATCHES = {QUEUE: 65_536, BATCH: 512, DELAY: 5_000, "OTEL_BSP_EXPORT_TIMEOUT": 30_000}
"""The emulator's defaults; of the SDK's it raises the queue's."""
LIMITS = {
    **{f"OTEL_{of}ATTRIBUTE_COUNT_LIMIT": "attributes" for of in ("", "SPAN_", "EVENT_", "LINK_")},
    **{f"OTEL_SPAN_{of}_COUNT_LIMIT": f"{of.lower()}s" for of in ("EVENT", "LINK")},
    **{f"OTEL_{of}ATTRIBUTE_VALUE_LENGTH_LIMIT": "characters of a value" for of in ("", "SPAN_")},
}
"""What each lets through."""
ENOUGH = 128
"""The SDK's default for all that are counted."""
OTHER_SIGNALS = {"METRICS", "LOGS", "PROFILES"}
SMALL_QUEUE, LONG_DELAY = 2_048, 30_000


def disabled(env: Environment) -> Iterator[Finding]:
    """OTEL_SDK_DISABLED."""
    value = env.get("OTEL_SDK_DISABLED", "").strip()
    if value.lower() == "true":
        yield failure("sdk", "OTEL_SDK_DISABLED is true: no span is ever made", "unset OTEL_SDK_DISABLED")
    elif value.lower() not in {"", "false"}:
        yield warning("sdk", f"OTEL_SDK_DISABLED is {value!r}, which counts as false", "write true or false")
    else:
        yield ok("sdk", "it is on")


def sampler(env: Environment) -> Iterator[Finding]:
    """OTEL_TRACES_SAMPLER and its argument."""
    name, argument = env.get("OTEL_TRACES_SAMPLER", ""), env.get("OTEL_TRACES_SAMPLER_ARG", "")
    if name.lower() in OFF:
        yield failure("sampler", f"OTEL_TRACES_SAMPLER is {name}: every trace is dropped", "unset OTEL_TRACES_SAMPLER")
    elif name.lower() in RATIOS:
        yield _ratio(name, argument)
    elif name and name.lower() not in SAMPLERS:
        said = f"OTEL_TRACES_SAMPLER is {name!r}, which there is none of: every trace is kept"
        yield warning("sampler", said, f"choose one of {', '.join(sorted(SAMPLERS))}")
    elif argument:
        said = f"OTEL_TRACES_SAMPLER_ARG is {argument!r}, and no sampler takes it: every trace is kept"
        yield warning("sampler", said, "set OTEL_TRACES_SAMPLER=parentbased_traceidratio, or unset the argument")
    else:
        yield ok("sampler", "every trace is kept")


def _ratio(name: str, argument: str) -> Finding:
    share = -1.0
    with suppress(ValueError):
        share = float(argument)
    if not 0 <= share <= 1:
        said = f"OTEL_TRACES_SAMPLER_ARG is {argument!r}, no number from 0 to 1: {name} keeps every trace"
        return warning("sampler", said, "set OTEL_TRACES_SAMPLER_ARG=1, or the share that you want")
    if share == 0:
        return failure("sampler", f"{name} keeps 0 % of all traces", "set OTEL_TRACES_SAMPLER_ARG=1")
    if share < 1:
        said = f"{name} keeps {share * 100:g} % of all traces and drops the rest"
        return warning("sampler", said, "set OTEL_TRACES_SAMPLER_ARG=1 to see each of them")
    return ok("sampler", "every trace is kept")


def propagators(env: Environment) -> Iterator[Finding]:
    """OTEL_PROPAGATORS."""
    names = [name.strip() for name in (env.get("OTEL_PROPAGATORS") or "tracecontext,baggage").split(",")]
    known = {"none", *entry_points(group="opentelemetry_propagator").names}
    if "none" in map(str.lower, names):
        names = ["none"]
    unknown = [name for name in names if name not in known and name.lower() != "none"]
    remedy = "unset OTEL_PROPAGATORS, or set it to tracecontext,baggage"
    if unknown:
        said = f"OTEL_PROPAGATORS names {', '.join(unknown)}, which is not installed: nothing starts"
        yield failure("propagators", said, remedy)
    elif not CARRIERS & set(names):
        said = f"OTEL_PROPAGATORS is {', '.join(names)}, without tracecontext: traces fall apart, one for each service"
        yield failure("propagators", said, remedy)
    elif "baggage" not in names:
        yield warning("propagators", "OTEL_PROPAGATORS leaves out baggage, in which --fault rides", remedy)
    else:
        yield ok("propagators", ", ".join(names))


def batches(env: Environment) -> Iterator[Finding]:
    """OTEL_BSP_*."""
    values, found = dict(BATCHES), False
    for name in BATCHES:
        raw = env.get(name)
        if raw is None:
            continue
        try:
            values[name] = int(raw)
        except ValueError:
            found = True
            yield warning("batches", f"{name} is {raw!r}, no whole number, and does not count", f"unset {name}")
    for finding in _batch_sizes(values):
        found = True
        yield finding
    if not found:
        yield ok("batches", f"they leave within {values[DELAY] / 1000:g} s, and hold up to {values[QUEUE]} spans")


def _batch_sizes(values: dict[str, int]) -> Iterator[Finding]:
    for name in (QUEUE, BATCH, DELAY):
        if values[name] <= 0:
            yield failure("batches", f"{name} is {values[name]}, and must be above 0: nothing starts", f"unset {name}")
            return
    if values[BATCH] > values[QUEUE]:
        said = f"{BATCH} is {values[BATCH]}, more than {QUEUE}, {values[QUEUE]}: nothing starts"
        yield failure("batches", said, f"unset {BATCH} and {QUEUE}")
    elif values[QUEUE] < SMALL_QUEUE:
        said = f"{QUEUE} is {values[QUEUE]}: a burst of more spans loses the rest"
        yield warning("batches", said, f"unset {QUEUE}, for {BATCHES[QUEUE]}")
    if values[DELAY] > LONG_DELAY:
        said = f"{DELAY} is {values[DELAY]} ms: spans of services are sent so much later"
        yield warning("batches", said, f"unset {DELAY}, for {BATCHES[DELAY]} ms")


def limits(env: Environment) -> Iterator[Finding]:
    """OTEL_SPAN_*_LIMIT, OTEL_ATTRIBUTE_*_LIMIT and their like."""
    for name, of_what in LIMITS.items():
        raw = env.get(name, "").strip()
        if raw and not raw.isdecimal():
            yield failure("limits", f"{name} is {raw!r}, no whole number from 0 on: nothing starts", f"unset {name}")
        elif raw and (int(raw) < ENOUGH or name.endswith("LENGTH_LIMIT")):
            yield warning("limits", f"{name} lets {raw} {of_what} through and cuts the rest", f"unset {name}")


def names(env: Environment) -> Iterator[Finding]:
    """Variables that the SDK does not know, and that look as if it should."""
    from opentelemetry.sdk import environment_variables

    known = {value for name, value in vars(environment_variables).items() if name.lstrip("_").startswith("OTEL_")}
    known |= {"OTEL_PROPAGATORS", "OTEL_TRACES_EXPORTER", "OTEL_METRICS_EXPORTER", "OTEL_LOGS_EXPORTER"}
    for name in sorted(name for name in env if name.startswith("OTEL_") and name not in known):
        if OTHER_SIGNALS & set(name.split("_")):
            continue
        close = get_close_matches(name, known, n=1, cutoff=0.85)
        if close:
            yield warning("variables", f"{name} is no variable of the SDK", f"did you mean {close[0]}?")


SDK_CHECKS: tuple[Check, ...] = (disabled, sampler, propagators, batches, limits, names)
