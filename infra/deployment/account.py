"""Whose account this is and where, asked before anything is done in it."""

import difflib
import os
from contextlib import suppress

import boto3
from botocore.exceptions import ClientError, NoRegionError

from infra.deployment import resources
from infra.deployment.references import Place
from infra.problem import ProblemError
from infra.target import Target

_REFUSED = {
    "AccessDenied": "may do nothing here",
    "ExpiredToken": "have expired",
    "ExpiredTokenException": "have expired",
    "InvalidAccessKeyId": "are nobody's",
    "InvalidClientTokenId": "are nobody's",
    "RequestExpired": "have expired, or this machine's clock is wrong",
    "SignatureDoesNotMatch": "are wrong: the secret does not belong to the key",
    "UnrecognizedClientException": "are nobody's",
}


def enter(target: Target) -> Place:
    """The account and region; raises ProblemError where the credentials or the region are wrong."""
    if not target.emulated:
        _check_region()
    try:
        return resources.place()
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code not in _REFUSED:
            raise
        raise ProblemError(
            f"AWS refuses the credentials ({_whose()}): they {_REFUSED[code]}. Renew them "
            "(`aws sso login`, a new token) or choose others (AWS_PROFILE), then run this again"
        ) from error


def _check_region() -> None:
    session = boto3.Session()
    region = session.region_name
    if not region:
        raise NoRegionError
    known = {
        each
        for partition in session.get_available_partitions()
        for each in session.get_available_regions("emr", partition)
    }
    if region not in known:
        near = difflib.get_close_matches(region, known, n=1)
        meant = f" Did you mean {near[0]}?" if near else ""
        raise ProblemError(f"there is no EMR in the region {region}.{meant} Set AWS_REGION")


def _whose() -> str:
    """Where botocore found the credentials, for a person who has several."""
    with suppress(Exception):  # it is only a hint in a message about another error
        found = boto3.Session().get_credentials()
        if found:
            return f"from {found.method}, profile {os.environ.get('AWS_PROFILE', 'default')}"
    return "none were found"
