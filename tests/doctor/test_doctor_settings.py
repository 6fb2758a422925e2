"""`emulator doctor` and the environment: a row for each wrong variable."""

import re

import pytest

from emulator.runtime.export import Export, otlp_exporter
from spantree import OtlpReceiver
from tests.support.doctor import doctor, findings
from tests.support.processes import run
from tests.support.servers import PAGE, closed, http, saying

SETTINGS: list[tuple[dict[str, str], str, str, str]] = [
    ({"OTEL_SDK_DISABLED": "true"}, "failure", "OTEL_SDK_DISABLED is true: no span", "unset OTEL_SDK_DISABLED"),
    ({"OTEL_SDK_DISABLED": "yes"}, "warning", "'yes', which counts as false", "true or false"),
    ({"OTEL_TRACES_EXPORTER": "none"}, "failure", "'none': nothing is sent", "unset OTEL_TRACES_EXPORTER"),
    ({"OTEL_TRACES_EXPORTER": "console"}, "failure", "'console': nothing is sent", "set it to otlp"),
    ({"OTEL_TRACES_SAMPLER": "always_off"}, "failure", "every trace is dropped", "unset OTEL_TRACES_SAMPLER"),
    ({"OTEL_TRACES_SAMPLER": "sometimes"}, "warning", "which does not exist", "choose one of"),
    (
        {"OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0"},
        "failure",
        "keeps 0 % of all traces",
        "OTEL_TRACES_SAMPLER_ARG=1",
    ),
    (
        {"OTEL_TRACES_SAMPLER": "parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0.05"},
        "warning",
        "keeps 5 % of all traces",
        "OTEL_TRACES_SAMPLER_ARG=1",
    ),
    (
        {"OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": "5%"},
        "warning",
        "'5%', not a number from 0 to 1",
        "OTEL_TRACES_SAMPLER_ARG=1",
    ),
    ({"OTEL_TRACES_SAMPLER_ARG": "0.1"}, "warning", "no sampler reads it", "OTEL_TRACES_SAMPLER"),
    (
        {"OTEL_PROPAGATORS": "baggage"},
        "failure",
        "without tracecontext: each service starts its own trace",
        "tracecontext,baggage",
    ),
    ({"OTEL_PROPAGATORS": "none"}, "failure", "each service starts its own trace", "tracecontext,baggage"),
    ({"OTEL_PROPAGATORS": "tracecontext"}, "warning", "does not include baggage", "tracecontext,baggage"),
    ({"OTEL_PROPAGATORS": "w3c"}, "failure", "names w3c, which is not installed", "unset OTEL_PROPAGATORS"),
    ({"OTEL_BSP_SCHEDULE_DELAY": "120000"}, "warning", "120000 ms", "unset OTEL_BSP_SCHEDULE_DELAY"),
    ({"OTEL_BSP_SCHEDULE_DELAY": "0"}, "failure", "must be above 0", "unset OTEL_BSP_SCHEDULE_DELAY"),
    ({"OTEL_BSP_MAX_QUEUE_SIZE": "many"}, "warning", "'many', not a whole number", "unset OTEL_BSP_MAX_QUEUE_SIZE"),
    ({"OTEL_BSP_MAX_QUEUE_SIZE": "1000"}, "warning", "larger bursts lose spans", "unset OTEL_BSP_MAX_QUEUE_SIZE"),
    ({"OTEL_BSP_MAX_QUEUE_SIZE": "100"}, "failure", "more than OTEL_BSP_MAX_QUEUE_SIZE, 100", "unset OTEL_BSP"),
    ({"OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT": "3"}, "warning", "keeps 3 attributes", "unset OTEL_SPAN_ATTRIBUTE"),
    (
        {"OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT": "200"},
        "warning",
        "keeps 200 characters of a",
        "unset OTEL_ATTRIBUTE_VALUE",
    ),
    (
        {"OTEL_SPAN_LINK_COUNT_LIMIT": "-1"},
        "failure",
        "'-1', not a whole number of at least 0: nothing starts",
        "unset OTEL_SPAN",
    ),
    ({"OTEL_EXPORTER_OTLP_PROTOCOL": "http/json"}, "failure", "'http/json': nothing starts", "http/protobuf"),
    (
        {"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/protobuf", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"},
        "warning",
        "takes precedence over OTEL_EXPORTER_OTLP_PROTOCOL, grpc",
        "unset one of them",
    ),
    (
        {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://elsewhere:4318/v1/traces"},
        "failure",
        "there is no host elsewhere",
        "from outside use localhost",
    ),
    (
        {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://a.invalid:4318/v1/traces"},
        "warning",
        "OTEL_EXPORTER_OTLP_ENDPOINT is {0}, but is ignored: OTEL_EXPORTER_OTLP_TRACES_ENDPOINT takes precedence",
        "unset OTEL_EXPORTER_OTLP_ENDPOINT, or OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    ),
    ({"OTEL_EXPORTER_OTLP_ENDPOINT": "localhost:4318"}, "failure", "not a URL like http://", "write it with http://"),
    ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://[::1"}, "failure", "not a URL like http://", "write it with http://"),
    ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://localhost:4318\n"}, "failure", r"4318\n', which is not a URL", "write it"),
    (
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://local host:4318"},
        "failure",
        "not a URL like http://",
        "write it with http://",
    ),
    ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://u:s3/cret@x:4318"}, "failure", "is something with a user", "write it"),
    ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://x:99999"}, "failure", "not a URL like http://", "write it with http://"),
    (
        {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc", "OTEL_EXPORTER_OTLP_ENDPOINT": "grpc://localhost:1"},
        "warning",
        "does not begin with http://, so TLS is used",
        "add http://, or set OTEL_EXPORTER_OTLP_INSECURE=true",
    ),
    (
        {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://u:s3cret@localhost:1"},
        "failure",
        "which gRPC takes as part of the host",
        "send credentials with OTEL_EXPORTER_OTLP_HEADERS",
    ),
    ({"OTEL_EXPORTER_OTLP_INSECURE": "false"}, "warning", "false, but is ignored", "unset"),
    ({"OTEL_EXPORTER_OTLP_INSECURE": "no"}, "warning", "'no', which counts as false", "true or false"),
    (
        {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc", "OTEL_EXPORTER_OTLP_INSECURE": "false"},
        "warning",
        "the endpoint is http, but TLS is used",
        "unset it",
    ),
    (
        {
            "OTEL_EXPORTER_OTLP_ENDPOINT": "https://localhost:1",
            "OTEL_EXPORTER_OTLP_CERTIFICATE": __file__,
            "REQUESTS_CA_BUNDLE": "/other.pem",
        },
        "warning",
        "REQUESTS_CA_BUNDLE is /other.pem, and takes precedence over OTEL_EXPORTER_OTLP_CERTIFICATE",
        "unset REQUESTS_CA_BUNDLE",
    ),
    ({"OTEL_EXPORTER_OTLP_CERTIFICATE": "/nowhere.pem"}, "failure", "there is no such file", "correct the path"),
    (
        {"OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE": __file__, "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"},
        "warning",
        "the gRPC exporter uses it only together with",
        "OTEL_EXPORTER_OTLP_CERTIFICATE as well",
    ),
    (
        {"OTEL_EXPORTER_OTLP_TRACES_CLIENT_CERTIFICATE": __file__, "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"},
        "warning",
        "the gRPC exporter uses it only together with OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE",
        "set OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE as well",
    ),
    (
        {
            "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE": __file__,
            "OTEL_EXPORTER_OTLP_CERTIFICATE": __file__,
            "OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE": __file__,
            "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
        },
        "warning",
        "does not use it together with OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE",
        "set OTEL_EXPORTER_OTLP_TRACES_CLIENT_CERTIFICATE and",
    ),
    ({"OTEL_EXPORTER_OTLP_HEADERS": "Authorization: Bearer s3cret"}, "failure", "that is not name=value", "name=value"),
    (
        {"OTEL_EXPORTER_OTLP_HEADERS": "Authorization=Bearer%20s3cret,x=1"},
        "ok",
        "authorization, x will be sent, set by",
        "",
    ),
    ({"OTEL_EXPORTER_OTLP_HEADERS": "s3cret=="}, "failure", "that is not name=value", "name=value"),
    ({"OTEL_EXPORTER_OTLP_HEADERS": "x=1,s3:cret=v"}, "failure", "that is not name=value", "name=value"),
    (
        {"OTEL_EXPORTER_OTLP_HEADERS": "x=1,x-key=s3%0Acret"},
        "failure",
        "gives x-key a value that is not valid",
        "line breaks",
    ),
    (
        {"OTEL_EXPORTER_OTLP_HEADERS": "x-key=s3cr%C3%A9t"},
        "failure",
        "gives x-key a value that is not valid",
        "not ASCII",
    ),
    ({"OTEL_EXPORTER_OTLP_TIMEOUT": "10000"}, "warning", "Python reads seconds", "set it to 10"),
    ({"OTEL_EXPORTER_OTLP_TIMEOUT": "-1"}, "failure", "no answer arrives in that time", "unset"),
    ({"OTEL_EXPORTER_OTLP_COMPRESSION": "zstd"}, "warning", "'zstd': nothing is compressed", "gzip"),
    (
        {"OTEL_EXPORTER_OTLP_TRACE_ENDPOINT": "x"},
        "warning",
        "is not a variable of the SDK",
        "OTEL_EXPORTER_OTLP_TRACES_E",
    ),
]


@pytest.mark.parametrize(("env", "level", "says", "remedy"), SETTINGS, ids=[" ".join(row[0]) for row in SETTINGS])
def test_wrong_variables_are_named_with_a_remedy(
    otlp: OtlpReceiver,
    jaeger: str,
    monkeypatch: pytest.MonkeyPatch,
    env: dict[str, str],
    level: str,
    says: str,
    remedy: str,
) -> None:
    for name, value in {"OTEL_EXPORTER_OTLP_ENDPOINT": otlp.endpoint, **env}.items():
        monkeypatch.setenv(name, value)
    result = doctor("--json", "--jaeger-url", jaeger)
    matching = [finding for finding in findings(result) if says.format(otlp.endpoint) in finding["message"]]
    assert [finding["level"] for finding in matching] == [level], result.output
    assert remedy in matching[0]["remedy"]
    assert not re.search("s3.*cr", result.output)
    assert result.exit_code == int(any(finding["level"] == "failure" for finding in findings(result)))


@pytest.mark.parametrize(
    "values",
    [
        {"PROTOCOL": "http"},
        {"ENDPOINT": "localhost"},
        {"HEADERS": "no header"},
        {"PROTOCOL": "grpc", "HEADERS": "x-key=a%0Ab"},
        {"TIMEOUT": "-1"},
        {"PROTOCOL": "grpc", "TIMEOUT": "soon"},
        {"PROTOCOL": "grpc", "COMPRESSION": "deflate"},
        {"CERTIFICATE": "/nowhere.pem"},
        {"CLIENT_CERTIFICATE": "/nowhere.pem"},
        {"CLIENT_KEY": "/nowhere.pem"},
    ],
    ids=str,
)
def test_a_wrong_variable_for_traces_is_named_and_not_the_general_one(
    otlp: OtlpReceiver, jaeger: str, monkeypatch: pytest.MonkeyPatch, values: dict[str, str]
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", otlp.endpoint)
    for name, value in values.items():
        monkeypatch.setenv(f"OTEL_EXPORTER_OTLP_TRACES_{name}", value)
    result = doctor("--json", "--jaeger-url", jaeger)
    wrong = "".join(f"{each['message']} {each['remedy']} " for each in findings(result) if each["level"] == "failure")
    assert f"OTEL_EXPORTER_OTLP_TRACES_{list(values)[-1]}" in wrong
    assert not re.search("|".join(rf"OTEL_EXPORTER_OTLP_{name}\b" for name in values), wrong)


@pytest.mark.parametrize("traces", ["", "TRACES_"])
@pytest.mark.parametrize(
    ("protocol", "answer", "variable"),
    [("http/protobuf", http("401 Unauthorized"), "HEADERS"), ("grpc", PAGE, "PROTOCOL")],
    ids=["credentials", "protocol"],
)
def test_a_remedy_names_the_variable_that_is_in_effect(
    monkeypatch: pytest.MonkeyPatch, protocol: str, answer: bytes, variable: str, traces: str
) -> None:
    monkeypatch.setenv(f"OTEL_EXPORTER_OTLP_{traces}PROTOCOL", protocol)
    monkeypatch.setenv(f"OTEL_EXPORTER_OTLP_{traces}HEADERS", "x-key=secret")
    with saying(answer) as port:
        result = doctor("--json", "--otlp", f"http://127.0.0.1:{port}", "--jaeger-url", "http://127.0.0.1:1")
    remedies = " ".join(each["remedy"] for each in findings(result) if each["level"] == "failure")
    assert re.findall(rf"OTEL_EXPORTER_OTLP_(\w*){variable}\b", remedies) == [traces]


@pytest.mark.parametrize("url", ["user:pa55word@localhost:4317", "http://user:pa55word@localhost:4317"])
def test_a_user_in_a_grpc_endpoint_is_not_printed(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", url)
    result = doctor("--jaeger-url", "http://127.0.0.1:1")
    assert not re.search(LEAKS, re.sub("a user or password", "", result.output))


@pytest.mark.parametrize("variable", ["OTEL_SPAN_LINK_COUNT_LIMIT", "OTEL_PROPAGATORS"])
async def test_variables_that_stop_the_sdk_are_reported(otlp: OtlpReceiver, jaeger: str, variable: str) -> None:
    ended = await run("doctor", "--jaeger-url", jaeger, EMULATOR_OTLP=otlp.endpoint, **{variable: "all"})
    assert (ended.status, ended.err) == (1, "")
    assert "✗ span sent           nothing can be sent: " in ended.out


async def test_invalid_grpc_headers_are_reported_without_grpcs_own_log(otlp: OtlpReceiver, jaeger: str) -> None:
    variables = {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc", "OTEL_EXPORTER_OTLP_HEADERS": "x-key=a%0Ab"}
    ended = await run("doctor", "--jaeger-url", jaeger, EMULATOR_OTLP=otlp.endpoint, **variables)
    assert (ended.status, ended.err) == (1, "")
    assert "✗ span sent           it could not be sent: Invalid metadata\n" in ended.out
    assert "→ correct the variable that sets this\n" in ended.out


def test_without_an_endpoint_it_warns_that_nothing_is_sent() -> None:
    with closed() as port:
        result = doctor("--jaeger-url", f"http://127.0.0.1:{port}")
    assert (
        "! endpoint            neither an option nor a variable sets an endpoint, so other commands send nothing; "
        in result.stdout
    )
    assert "→ pass them --otlp http://localhost:4318, or set EMULATOR_OTLP\n" in result.stdout


ENDPOINTS: list[tuple[str | None, dict[str, str]]] = [
    ("http://a:1", {}),
    ("http://a:1/", {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://b:2"}),
    (None, {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://b:2/base/"}),
    (None, {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://b:2", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://c:3/traces"}),
    (None, {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://b:2"}),
]


@pytest.mark.parametrize(("otlp_url", "env"), ENDPOINTS)
def test_the_reported_endpoint_is_where_spans_are_sent(
    monkeypatch: pytest.MonkeyPatch, otlp_url: str | None, env: dict[str, str]
) -> None:
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    result = doctor(*(["--otlp", otlp_url] if otlp_url else []), "--jaeger-url", "http://127.0.0.1:1", "--json")
    export = Export(otlp_exporter(otlp_url))
    export.close()
    assert findings(result)[0]["message"].startswith(f"{export.destination}, HTTP, set by ")


SECRETS: list[tuple[str, str, str]] = [
    # user information of the URL, headers, and what the collector echoes
    ("user:pa55word", "authorization=Bearer%20t0ken,x-key=k3yk3y", "you sent Bearer t0ken and k3yk3y, pa55word"),
    ("user:p@55word", "", "you sent p@55word, user"),
    ("user:pa55%2Fword", "", "you sent pa55/word and dXNlcjpwYTU1L3dvcmQ="),
    ("user", "x-key=k3y%09%09k3y", r"you sent 'k3y\t\tk3y' and " + "k3y\t\tk3y"),
    ("user:pa55word", "x-key=k3yk3y", f"{'as you said so':.>195}k3yk3y"),
    ("user:pa55word", "", f"{'as you said so':.>195}pa55word"),
]
LEAKS = "user|pa5|55/?word|dXNl|t0ken|k3y|p@"


@pytest.mark.parametrize(("userinfo", "headers", "repeated"), SECRETS)
def test_secrets_that_the_server_echoes_are_not_printed(
    monkeypatch: pytest.MonkeyPatch, userinfo: str, headers: str, repeated: str
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", headers)
    with saying(http("500 No", body=repeated.encode())) as port:
        url = f"http://{userinfo}@127.0.0.1:{port}"
        for style in ([], ["--json"]):
            result = doctor("--otlp", url, "--jaeger-url", url, *style)
            assert "500: it failed (" in result.output
            assert not re.search(LEAKS, result.output)
