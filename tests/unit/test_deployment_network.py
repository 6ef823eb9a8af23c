"""EMR's policy lets clusters into a tagged network alone: deploy looks before it changes anything."""

from fnmatch import fnmatchcase

import pytest

from infra.deployment import network
from infra.problem import ProblemError

TAGGED = [{"Key": "for-use-with-amazon-emr-managed-policies", "Value": "true"}]
ALL = {"vpc-1", "vpc-2", "subnet-a", "subnet-b", "subnet-c", "sg-1"}


class Ec2:
    """A default VPC with two subnets and EMR's security group; another VPC with one subnet."""

    def __init__(self, tagged):
        self.tagged = tagged

    def _made(self, own, **described):
        return {own[0]: own[1], **described, "Tags": TAGGED if own[1] in self.tagged else []}

    def describe_vpcs(self, VpcIds):  # noqa: N803 (boto3's name)
        return {"Vpcs": [self._made(("VpcId", vpc)) for vpc in VpcIds]}

    def describe_subnets(self, Filters):  # noqa: N803 (boto3's name)
        made = [("subnet-a", "vpc-1"), ("subnet-b", "vpc-1"), ("subnet-c", "vpc-2")]
        ((wanted,),) = (each["Values"] for each in Filters)
        is_default = Filters[0]["Name"] == "default-for-az"
        taken = [(one, vpc) for one, vpc in made if (vpc == "vpc-1" if is_default else one == wanted)]
        return {"Subnets": [self._made(("SubnetId", one), VpcId=vpc) for one, vpc in taken]}

    def describe_security_groups(self, Filters):  # noqa: N803 (boto3's name)
        asked = {each["Name"]: each["Values"][0] for each in Filters}
        fits = asked["vpc-id"] == "vpc-1" and fnmatchcase("ElasticMapReduce-master", asked["group-name"])
        return {"SecurityGroups": [self._made(("GroupId", "sg-1"), VpcId="vpc-1")] if fits else []}


@pytest.fixture
def ec2(monkeypatch):
    """`ec2(tagged)`: an account in which these have the tag."""

    def account(tagged):
        fake = Ec2(tagged)
        monkeypatch.setattr(network, "client", lambda _service: fake)

    return account


@pytest.mark.parametrize("subnet", ["", "subnet-a", "subnet-c"])
def test_a_tagged_network_is_fine(ec2, subnet):
    ec2(ALL)
    network.check(subnet)


def test_other_subnets_than_the_named_one_need_no_tag(ec2):
    ec2({"vpc-2", "subnet-c"})
    network.check("subnet-c")


@pytest.mark.parametrize(
    ("subnet", "tagged", "missing"),
    [
        ("", set(), "vpc-1 subnet-a subnet-b sg-1"),
        ("", ALL - {"subnet-b"}, "subnet-b"),
        ("subnet-a", ALL - {"vpc-1"}, "vpc-1"),
        ("subnet-a", ALL - {"sg-1"}, "sg-1"),
        ("subnet-c", set(), "vpc-2 subnet-c"),
    ],
)
def test_what_lacks_the_tag_is_named_with_the_command_that_sets_it(ec2, subnet, tagged, missing):
    ec2(tagged)
    with pytest.raises(ProblemError) as refused:
        network.check(subnet)
    command = f"aws ec2 create-tags --resources {missing} --tags Key={TAGGED[0]['Key']},Value=true"
    assert command in str(refused.value)


def test_a_subnet_that_is_not_there_is_named(ec2):
    ec2(ALL)
    with pytest.raises(ProblemError, match="no subnet subnet-f"):
        network.check("subnet-f")


def test_without_a_default_vpc_a_subnet_is_asked_for(ec2, monkeypatch):
    ec2(ALL)
    monkeypatch.setattr(Ec2, "describe_subnets", lambda _self, **_asked: {"Subnets": []})
    with pytest.raises(ProblemError, match="no default VPC"):
        network.check("")
