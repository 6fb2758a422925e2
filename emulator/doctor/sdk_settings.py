"""The SDK's settings in the environment: whether spans are created, sampled, and sent in time.

Imports nothing that reads the environment when it is imported: with invalid settings, that fails.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from difflib import get_close_matches
from importlib.metadata import entry_points

from emulator.doctor.check_result import CheckResult, failure, ok, warning
from emulator.doctor.endpoint import Environment

__all__ = ["SDK_CHECKS"]

Check = Callable[[Environment], Iterator[CheckResult]]

RATIOS = {"traceidratio", "parentbased_traceidratio"}
OFF = {"always_off", "parentbased_always_off"}
SAMPLERS = {"always_on", "parentbased_always_on", *OFF, *RATIOS}
TRACE_PROPAGATORS = {"tracecontext", "b3", "b3multi", "jaeger", "xray", "ottrace"}
"""Propagators of trace context; baggage is not one of them."""

QUEUE, BATCH, DELAY = "OTEL_BSP_MAX_QUEUE_SIZE", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "OTEL_BSP_SCHEDULE_DELAY"
BATCHES = {QUEUE: 65_536, BATCH: 512, DELAY: 5_000, "OTEL_BSP_EXPORT_TIMEOUT": 30_000}
"""The emulator's defaults: those of the SDK, except for a longer queue."""
LIMITS = {
    **{f"OTEL_{of}ATTRIBUTE_COUNT_LIMIT": "attributes" for of in ("", "SPAN_", "EVENT_", "LINK_")},
    **{f"OTEL_SPAN_{of}_COUNT_LIMIT": f"{of.lower()}s" for of in ("EVENT", "LINK")},
    **{f"OTEL_{of}ATTRIBUTE_VALUE_LENGTH_LIMIT": "characters of a value" for of in ("", "SPAN_")},
}
"""What each variable limits."""
DEFAULT_LIMIT = 128
"""The SDK's default for all counts."""
OTHER_SIGNALS = {"METRICS", "LOGS", "PROFILES"}
SMALL_QUEUE, LONG_DELAY = 2_048, 30_000


def check_disabled(env: Environment) -> Iterator[CheckResult]:
    """Check OTEL_SDK_DISABLED."""
    value = env.get("OTEL_SDK_DISABLED", "").strip()
    if value.lower() == "true":
        yield failure("sdk", "OTEL_SDK_DISABLED is true: no span is created", "unset OTEL_SDK_DISABLED")
    elif value.lower() not in {"", "false"}:
        yield warning("sdk", f"OTEL_SDK_DISABLED is {value!r}, which counts as false", "set it to true or false")
    else:
        yield ok("sdk", "it is enabled")


def check_sampler(env: Environment) -> Iterator[CheckResult]:
    """Check OTEL_TRACES_SAMPLER and its argument."""
    name, argument = env.get("OTEL_TRACES_SAMPLER", ""), env.get("OTEL_TRACES_SAMPLER_ARG", "")
    if name.lower() in OFF:
        yield failure("sampler", f"OTEL_TRACES_SAMPLER is {name}: every trace is dropped", "unset OTEL_TRACES_SAMPLER")
    elif name.lower() in RATIOS:
        yield _ratio(name, argument)
    elif name and name.lower() not in SAMPLERS:
        message = f"OTEL_TRACES_SAMPLER is {name!r}, which does not exist: every trace is kept"
        yield warning("sampler", message, f"choose one of {', '.join(sorted(SAMPLERS))}")
    elif argument:
        message = f"OTEL_TRACES_SAMPLER_ARG is {argument!r}, but no sampler reads it: every trace is kept"
        yield warning("sampler", message, "set OTEL_TRACES_SAMPLER=parentbased_traceidratio, or unset the argument")
    else:
        yield ok("sampler", "every trace is kept")


def _ratio(name: str, argument: str) -> CheckResult:
    share = -1.0
    with suppress(ValueError):
        share = float(argument)
    if not 0 <= share <= 1:
        message = f"OTEL_TRACES_SAMPLER_ARG is {argument!r}, not a number from 0 to 1: {name} keeps every trace"
        return warning("sampler", message, "set OTEL_TRACES_SAMPLER_ARG=1, or the share that you want")
    if share == 0:
        return failure("sampler", f"{name} keeps 0 % of all traces", "set OTEL_TRACES_SAMPLER_ARG=1")
    if share < 1:
        message = f"{name} keeps {share * 100:g} % of all traces and drops the rest"
        return warning("sampler", message, "set OTEL_TRACES_SAMPLER_ARG=1 to see all of them")
    return ok("sampler", "every trace is kept")


def check_propagators(env: Environment) -> Iterator[CheckResult]:
    """Check OTEL_PROPAGATORS."""
    names = [name.strip() for name in (env.get("OTEL_PROPAGATORS") or "tracecontext,baggage").split(",")]
    known = {"none", *entry_points(group="opentelemetry_propagator").names}
    if "none" in map(str.lower, names):
        names = ["none"]
    unknown = [name for name in names if name not in known and name.lower() != "none"]
    remedy = "unset OTEL_PROPAGATORS, or set it to tracecontext,baggage"
    if unknown:
        message = f"OTEL_PROPAGATORS names {', '.join(unknown)}, which is not installed: nothing starts"
        yield failure("propagators", message, remedy)
    elif not TRACE_PROPAGATORS & set(names):
        message = f"OTEL_PROPAGATORS is {', '.join(names)}, without tracecontext: each service starts its own trace"
        yield failure("propagators", message, remedy)
    elif "baggage" not in names:
        yield warning("propagators", "OTEL_PROPAGATORS does not include baggage, which carries --fault", remedy)
    else:
        yield ok("propagators", ", ".join(names))


def check_batches(env: Environment) -> Iterator[CheckResult]:
    """Check OTEL_BSP_*."""
    values, found = dict(BATCHES), False
    for name in BATCHES:
        raw = env.get(name)
        if raw is None:
            continue
        try:
            values[name] = int(raw)
        except ValueError:
            found = True
            yield warning("batches", f"{name} is {raw!r}, not a whole number, and is ignored", f"unset {name}")
    for result in _batch_sizes(values):
        found = True
        yield result
    if not found:
        yield ok(
            "batches", f"they are sent within {values[DELAY] / 1000:g} s; the queue holds up to {values[QUEUE]} spans"
        )


def _batch_sizes(values: dict[str, int]) -> Iterator[CheckResult]:
    for name in (QUEUE, BATCH, DELAY):
        if values[name] <= 0:
            yield failure("batches", f"{name} is {values[name]}, but must be above 0: nothing starts", f"unset {name}")
            return
    if values[BATCH] > values[QUEUE]:
        message = f"{BATCH} is {values[BATCH]}, more than {QUEUE}, {values[QUEUE]}: nothing starts"
        yield failure("batches", message, f"unset {BATCH} and {QUEUE}")
    elif values[QUEUE] < SMALL_QUEUE:
        message = f"{QUEUE} is {values[QUEUE]}: larger bursts lose spans"
        yield warning("batches", message, f"unset {QUEUE}; the default is {BATCHES[QUEUE]}")
    if values[DELAY] > LONG_DELAY:
        message = f"{DELAY} is {values[DELAY]} ms: services send their spans that much later"
        yield warning("batches", message, f"unset {DELAY}; the default is {BATCHES[DELAY]} ms")


def check_limits(env: Environment) -> Iterator[CheckResult]:
    """Check OTEL_SPAN_*_LIMIT, OTEL_ATTRIBUTE_*_LIMIT and the like."""
    for name, limited in LIMITS.items():
        raw = env.get(name, "").strip()
        if raw and not raw.isdecimal():
            yield failure(
                "limits", f"{name} is {raw!r}, not a whole number of at least 0: nothing starts", f"unset {name}"
            )
        elif raw and (int(raw) < DEFAULT_LIMIT or name.endswith("LENGTH_LIMIT")):
            yield warning("limits", f"{name} keeps {raw} {limited} and drops the rest", f"unset {name}")


def check_names(env: Environment) -> Iterator[CheckResult]:
    """Check for misspelled variables: unknown to the SDK, but similar to one that it knows."""
    from opentelemetry.sdk import environment_variables

    # the SDK has no list of its variables; constants with a leading underscore are experimental ones
    known = {value for name, value in vars(environment_variables).items() if name.lstrip("_").startswith("OTEL_")}
    known |= {"OTEL_PROPAGATORS", "OTEL_TRACES_EXPORTER", "OTEL_METRICS_EXPORTER", "OTEL_LOGS_EXPORTER"}
    for name in sorted(name for name in env if name.startswith("OTEL_") and name not in known):
        if OTHER_SIGNALS & set(name.split("_")):
            continue
        close = get_close_matches(name, known, n=1, cutoff=0.85)
        if close:
            yield warning("variables", f"{name} is not a variable of the SDK", f"did you mean {close[0]}?")


SDK_CHECKS: tuple[Check, ...] = (
    check_disabled,
    check_sampler,
    check_propagators,
    check_batches,
    check_limits,
    check_names,
)
