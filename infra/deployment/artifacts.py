"""The bucket that the template's code comes from: beside the stack, which could not create it in time."""

import hashlib
import json
from typing import Any

from contracts.s3_layout import ARTIFACTS
from infra.clients import client
from infra.deployment.references import Place
from infra.package import Artifact
from infra.problem import ProblemError

MOST_TEMPLATE_BYTES = 51_200  # of one that is sent along with the request; CloudFormation's own bound
_PRIVATE = {
    "BlockPublicAcls": True,
    "IgnorePublicAcls": True,
    "BlockPublicPolicy": True,
    "RestrictPublicBuckets": True,
}
# Never by age: the code and the environments. The live ones are as old as the deploy that last changed them,
# and a run under way keeps the one it began with.
_GOES_BY_AGE = [
    {
        "ID": "half-uploads",
        "Status": "Enabled",
        "Filter": {"Prefix": ""},
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 3},
    },
    {
        "ID": "templates",
        "Status": "Enabled",
        "Filter": {"Prefix": f"{ARTIFACTS}template-"},  # read while a change set is made, and never again
        "Expiration": {"Days": 30},
    },
]


def bucket_name(stack: str, place: Place) -> str:
    return f"{stack}-artifacts-{place.account}-{place.region}"


def put(bucket: str, stack: str, place: Place, built: dict[str, Artifact]) -> None:
    """Every artifact under its key; the bucket is made first, if it has to be, and set up as it should be."""
    _make(bucket, place.region)
    _set_up(bucket, stack, place)
    for artifact in built.values():
        client("s3").put_object(Bucket=bucket, Key=artifact.key, Body=artifact.content)


def template_argument(bucket: str, place: Place, text: str) -> dict[str, str]:
    """How CloudFormation is given the template: as it is, or where it lies when it is too long for that."""
    if len(text.encode()) <= MOST_TEMPLATE_BYTES:
        return {"TemplateBody": text}
    _make(bucket, place.region)
    key = f"{ARTIFACTS}template-{hashlib.sha256(text.encode()).hexdigest()[:16]}.yaml"
    s3 = client("s3")
    s3.put_object(Bucket=bucket, Key=key, Body=text.encode())
    return {"TemplateURL": f"{s3.meta.endpoint_url}/{bucket}/{key}"}


def _make(bucket: str, region: str) -> None:
    s3 = client("s3")
    where = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
    try:
        s3.create_bucket(Bucket=bucket, **where)
    except s3.exceptions.BucketAlreadyOwnedByYou:
        pass
    except s3.exceptions.BucketAlreadyExists as error:
        raise ProblemError(
            f"the bucket {bucket}, which the code should go into, is somebody else's. "
            "Nothing was deployed; ask its owner, or deploy into another region"
        ) from error
    s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=_PRIVATE)


def _set_up(bucket: str, stack: str, place: Place) -> None:
    """At each deploy: a bucket that an older one made gets what that one did not know."""
    s3, tags = client("s3"), [{"Key": "application", "Value": stack}]
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(_tls_only(bucket, place)))
    s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": tags})
    s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": _GOES_BY_AGE})


def _tls_only(bucket: str, place: Place) -> dict[str, Any]:
    arn = f"arn:{place.partition}:s3:::{bucket}"
    denied = {
        "Sid": "TlsOnly",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [arn, f"{arn}/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    return {"Version": "2012-10-17", "Statement": [denied]}
