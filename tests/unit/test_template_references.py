"""What the template's references stand for, without a stack to ask."""

import pytest

from infra.deployment import template
from infra.deployment.references import Place, References, UnresolvedError
from infra.deployment.resources import Resource

TEMPLATE = template.parse("""
Parameters:
  Mail: {Type: String}
  Bound: {Type: Number, Default: 0}
Conditions:
  HasMail: !Not [!Equals [!Ref Mail, ""]]
  HasBound: !Not [!Equals [!Ref Bound, 0]]
  HasBoth: !And [!Condition HasMail, !Condition HasBound]
Resources:
  Orders: {Type: AWS::S3::Bucket, Properties: {BucketName: !Sub "${AWS::StackName}-${AWS::AccountId}"}}
  Dead: {Type: AWS::SQS::Queue, Properties: {QueueName: dead}}
  Lookup:
    Type: AWS::Lambda::Function
    Properties:
      Targets: [!GetAtt Dead.Arn, !GetAtt Orders.Arn, !Sub "${Orders.Arn}/*"]
      Bound: !If [HasBound, !Ref Bound, !Ref AWS::NoValue]
      Late: !Sub "prefix/!{timestamp:yyyy}-${!Literal}"
      Key: !GetAtt Orders.RegionalDomainName
""")
IDS = {"Orders": "shop-1", "Dead": "http://sqs/123/dead", "Lookup": "shop-lookup"}


def references(**parameters):
    values = {"Mail": "", "Bound": "0", **parameters}
    return References(TEMPLATE, "shop", Place("123", "eu-west-1"), values, IDS)


def lookup(**parameters):
    made = TEMPLATE.resources["Lookup"]
    return Resource("Lookup", made["Type"], "shop-lookup", made["Properties"], references(**parameters))


def test_names_and_arns_are_those_of_this_account():
    assert references().resolve({"Fn::Sub": "${AWS::StackName}-${AWS::AccountId}"}) == "shop-123"
    assert lookup().get("Targets") == [
        "arn:aws:sqs:eu-west-1:123:dead",
        "arn:aws:s3:::shop-1",
        "arn:aws:s3:::shop-1/*",
    ]


def test_a_condition_decides_what_is_there():
    assert lookup(Bound="5").get("Bound") == "5"
    assert lookup(Bound="0").get("Bound") is None
    assert references(Mail="a@b.c").holds("HasMail")
    assert not references(Mail="a@b.c").holds("HasBoth")


def test_firehoses_own_expressions_and_literal_names_stay():
    assert lookup().get("Late") == "prefix/!{timestamp:yyyy}-${Literal}"


def test_what_only_cloudformation_knows_is_refused_and_not_guessed():
    with pytest.raises(UnresolvedError, match=r"Orders\.RegionalDomainName"):
        lookup().get("Key")
    with pytest.raises(UnresolvedError, match="Nobody stands for nothing in stack shop"):
        references().resolve({"Ref": "Nobody"})
