"""A small TOML file says the template's parameters, and wrong ones are refused by name."""

import tomllib

import pytest

from infra.deployment import parameters, template
from infra.problem import ProblemError

TEMPLATE = template.parse("""
Parameters:
  Artifacts: {Type: String}
  LookupCode: {Type: String}
  EmrEndpoint: {Type: String, Default: ""}
  BufferSeconds: {Type: Number, Default: 300, MinValue: 0, MaxValue: 900}
  Source: {Type: String, Default: direct, AllowedValues: [direct, kinesis]}
  Release: {Type: String, Default: emr-7.0.0, AllowedPattern: "emr-[0-9.]+"}
Resources: {}
""")


@pytest.fixture
def said(tmp_path):
    """Reads a file of these lines."""

    def read(text):
        (tmp_path / "shop.toml").write_text(text)
        return parameters.read(tmp_path / "shop.toml", TEMPLATE)

    return read


def test_what_fits_is_taken_as_text(said):
    assert said('BufferSeconds = 120\nSource = "kinesis"') == {"BufferSeconds": "120", "Source": "kinesis"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Colour = 1", "Colour is no parameter. Those there are: BufferSeconds, Release, Source"),
        ("BufferSecond = 1", "Did you mean BufferSeconds?"),
        ('Artifacts = "mine"', "Artifacts is set by deploy itself"),
        ('BufferSeconds = "120"', "is no number"),
        ("BufferSeconds = true", "is no number"),
        ("BufferSeconds = 901", "is more than 900"),
        ("BufferSeconds = -1", "is less than 0"),
        ('Source = "kafka"', "is none of direct, kinesis"),
        ('Release = "7.0"', "does not match emr-[0-9.]+"),
        ("Source = [1]", "is no text"),
        ("Source = ", "is no TOML"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(said, text, message):
    with pytest.raises(ProblemError) as refused:
        said(text)
    assert message in str(refused.value)


def test_everything_wrong_is_said_at_once(said):
    with pytest.raises(ProblemError) as refused:
        said('BufferSeconds = 901\nSource = "kafka"')
    assert "BufferSeconds" in str(refused.value)
    assert "Source" in str(refused.value)


def test_a_file_that_is_not_there_is_a_message(tmp_path):
    with pytest.raises(ProblemError, match=r"gone\.toml cannot be read: No such file"):
        parameters.read(tmp_path / "gone.toml", TEMPLATE)


def as_sent(said, standing):
    own = {"Artifacts": "code", "LookupCode": "l.zip", "EmrEndpoint": "", "Unknown": "x"}
    chosen = parameters.chosen(TEMPLATE, own, {"BufferSeconds": "2"}, said, standing)
    return {each["ParameterKey"]: each.get("ParameterValue", "as before") for each in chosen}


OWN = {"Artifacts": "code", "LookupCode": "l.zip", "EmrEndpoint": ""}


def test_a_first_deploy_takes_the_targets_defaults():
    assert as_sent(None, []) == {**OWN, "BufferSeconds": "2"}


def test_without_a_file_a_stack_keeps_what_it_has():
    standing = ["Artifacts", "LookupCode", "BufferSeconds", "Source", "LongGone"]
    assert as_sent(None, standing) == {**OWN, "BufferSeconds": "as before", "Source": "as before"}


def test_with_a_file_what_it_leaves_out_has_its_default():
    standing = ["Artifacts", "BufferSeconds", "Source"]
    assert as_sent({"Source": "kinesis"}, standing) == {**OWN, "BufferSeconds": "2", "Source": "kinesis"}


def test_the_example_has_every_parameter_of_the_template_with_its_default():
    wanted = template.read()
    example = tomllib.loads(template.PATH.with_name("parameters.example.toml").read_text())
    assert example == {name: wanted.parameters[name]["Default"] for name in parameters.settable(wanted)}
    assert parameters.read(template.PATH.with_name("parameters.example.toml"), wanted)
