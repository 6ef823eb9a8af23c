"""agent.json is read as the Amazon Kinesis Agent reads it; what is not done here is said by name."""

import json
from pathlib import Path
from typing import Any

import pytest

from firehose.agent.config import ConfigError, Flow, load, parse, without_comments

REPOSITORY = Path(__file__).parents[2]
FLOW = {"filePattern": "/var/log/shop/orders.log*", "deliveryStream": "orders"}


def _flow(**more: Any) -> Flow:
    return parse({"flows": [{**FLOW, **more}]}, "agent.json").flows[0]


def test_the_projects_own_agent_json_is_sound() -> None:
    settings = load(REPOSITORY / "firehose" / "agent.json")
    [flow] = settings.flows
    assert settings.warnings == ()
    assert (str(flow.directory), flow.name_pattern) == ("/var/log/cadabra", "orders.log*")
    assert (flow.kind, flow.stream) == ("firehose", "cadabra-orders")
    assert flow.initial_position == "START_OF_FILE"
    assert flow.aggregated_record_bytes == 1_024_000


# As that agent's documentation has them.
GLOBAL_KEYS = {
    **dict.fromkeys(("assumeRoleARN", "assumeRoleExternalId", "checkpointFile", "log.level"), str),
    **dict.fromkeys(("firehose.endpoint", "kinesis.endpoint", "cloudwatch.endpoint"), str),
    **dict.fromkeys(("maxSendingThreads", "shutdownTimeoutMillis"), int),
    "cloudwatch.emitMetrics": bool,
    "flows": list,
}
FLOW_KEYS = {
    **dict.fromkeys(("filePattern", "deliveryStream", "kinesisStream", "initialPosition"), str),
    **dict.fromkeys(("multiLineStartPattern", "truncatedRecordTerminator", "partitionKeyOption"), str),
    **dict.fromkeys(("maxBufferAgeMillis", "maxBufferSizeRecords", "maxBufferSizeBytes"), int),
    **dict.fromkeys(("retryInitialBackoffMillis", "retryMaxBackoffMillis", "skipHeaderLines"), int),
    "aggregatedRecordSizeBytes": int,
    "dataProcessingOptions": list,
}


def test_the_projects_own_agent_json_has_only_that_agents_keys() -> None:
    """With their types; the bounds are checked when it is loaded."""
    plain = json.loads(without_comments((REPOSITORY / "firehose" / "agent.json").read_text()))
    for keys, known in ((plain, GLOBAL_KEYS), *((flow, FLOW_KEYS) for flow in plain["flows"])):
        assert {key: type(value) for key, value in keys.items()} == {key: known[key] for key in keys}


def test_every_key_of_that_agent_is_honoured_refused_or_warned_about() -> None:
    for known, place in ((GLOBAL_KEYS, "global"), (FLOW_KEYS, "flow")):
        for key in known.keys() - {"flows", "filePattern", "deliveryStream"}:
            assert _treated(key, place), key


def _treated(key: str, place: str) -> bool:
    """Whether a senseless value of it is refused, or the key is warned about, by its name."""
    flow = {**FLOW, **({key: [[]]} if place == "flow" else {})}
    try:
        settings = parse({"flows": [flow], **({key: [[]]} if place == "global" else {})}, "x")
    except ConfigError as error:
        return key in str(error)
    return any(key in warning for warning in settings.warnings)


def test_defaults_are_that_agents() -> None:
    flow = _flow()
    assert flow.initial_position == "END_OF_FILE"
    assert (flow.max_buffer_age_seconds, flow.max_batch_records, flow.max_batch_bytes) == (60, 500, 4_194_304)
    assert (flow.first_retry_seconds, flow.last_retry_seconds) == (0.1, 10)
    assert (flow.aggregated_record_bytes, flow.skip_header_lines, flow.partition_keys) == (0, 0, "RANDOM")
    settings = parse({"flows": [FLOW]}, "agent.json")
    assert str(settings.checkpoint) == "/var/run/aws-kinesis-agent/checkpoints"
    assert (settings.shutdown_seconds, settings.emit_metrics, settings.read_seconds) == (10, True, 50)


def test_comments_go_and_what_looks_like_one_in_a_text_stays() -> None:
    text = '{"a": "http://x/*y*/", // one\n /* two\n lines */ "b": "\\"//"}'
    assert json.loads(without_comments(text)) == {"a": "http://x/*y*/", "b": '"//'}


def test_numbers_and_truths_may_stand_in_quotes() -> None:
    assert _flow(maxBufferAgeMillis="5000").max_buffer_age_seconds == 5
    assert parse({"flows": [FLOW], "cloudwatch.emitMetrics": "false"}, "x").emit_metrics is False


def test_a_kinesis_flow_has_kinesis_limits() -> None:
    flow = parse({"flows": [{"filePattern": "/l/x", "kinesisStream": "s"}]}, "x").flows[0]
    assert (flow.kind, flow.stream) == ("kinesis", "s")
    assert flow.max_batch_bytes == 5 * 1024 * 1024 - 500 * 64


def test_an_endpoint_without_a_scheme_is_https() -> None:
    settings = parse({"flows": [FLOW], "firehose.endpoint": "firehose.eu-west-1.amazonaws.com"}, "x")
    assert settings.endpoints == {"firehose": "https://firehose.eu-west-1.amazonaws.com"}


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"dataProcessingOptions": [{"optionName": "CSVTOJSON"}]}, "dataProcessingOptions is not supported"),
        ({"multiLineStartPattern": "^x"}, "multiLineStartPattern is not supported"),
        ({"fileFooterPattern": "end"}, "fileFooterPattern is not supported"),
        ({"initialPosition": "start_of_file"}, "initialPosition is 'start_of_file', not one of"),
        ({"maxBufferAgeMillis": 999}, "maxBufferAgeMillis is 999, outside 1000 to 900000"),
        ({"maxBufferSizeRecords": 501}, "maxBufferSizeRecords is 501"),
        ({"maxBufferSizeBytes": 4_194_305}, "maxBufferSizeBytes is 4194305"),
        ({"aggregatedRecordSizeBytes": 1_024_001}, "aggregatedRecordSizeBytes is 1024001"),
        ({"aggregatedRecordSizeBytes": True}, "not a whole number"),
        ({"partitionKeyOption": "HASH"}, "partitionKeyOption is 'HASH'"),
        ({"filePattern": "orders.log"}, "not an absolute path"),
        ({"filePattern": "/var/*/orders.log"}, "wildcard before its last part"),
        ({"filePattern": "/var/log/"}, "not an absolute path of files"),
        ({"kinesisStream": "also"}, "either deliveryStream or kinesisStream"),
        ({"deliveryStream": ""}, "either deliveryStream or kinesisStream"),
    ],
)
def test_a_flow_that_cannot_be_is_refused_by_the_keys_name(more: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        _flow(**more)


def test_keys_without_effect_are_warned_about_by_name() -> None:
    flow = {**FLOW, "truncatedRecordTerminator": "\n", "unheardOf": 1}
    warnings = parse({"flows": [flow], "log.level": "DEBUG"}, "agent.json").warnings
    assert [warning.split(" has ")[0] for warning in warnings] == [
        "agent.json: log.level",
        "agent.json: flows[0]: truncatedRecordTerminator",
        "agent.json: flows[0]: unheardOf",
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [("{", "is not JSON"), ("[]", "is not a JSON object"), ('{"flows": []}', "flows is empty")],
)
def test_a_file_that_is_no_configuration_is_named(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "agent.json"
    path.write_text(content)
    with pytest.raises(ConfigError, match=message) as error:
        load(path)
    assert str(path) in str(error.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load(tmp_path / "none.json")


def test_two_flows_may_not_ship_the_same_files_to_the_same_stream() -> None:
    with pytest.raises(ConfigError, match="two flows"):
        parse({"flows": [FLOW, FLOW]}, "agent.json")


def test_a_checkpoint_that_a_flow_would_ship_is_refused() -> None:
    flow = FLOW | {"filePattern": "/var/log/o.log*"}
    with pytest.raises(ConfigError, match="matches checkpointFile"):
        parse({"flows": [flow], "checkpointFile": "/var/log/o.log.mark"}, "agent.json")
