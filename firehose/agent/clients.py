"""The boto3 clients, made in one place and passed on."""

import functools
import os
from typing import Any

from firehose.agent.config import Credentials, Settings


def client(service: str, settings: Settings) -> Any:
    """AWS_ENDPOINT_URL and AWS_ENDPOINT_URL_<SERVICE> win over the endpoint that agent.json names."""
    from botocore.config import Config

    config = Config(
        connect_timeout=settings.connect_seconds,
        read_timeout=settings.read_seconds,
        retries={"total_max_attempts": 1},  # what failed is sent again by the agent, not what did not
        max_pool_connections=settings.sending_threads,
        tcp_keepalive=True,
        parameter_validation=False,  # a third of the CPU of a call with 500 records; they are bytes
    )
    return _session(settings).client(service, config=config, **_endpoint(service, settings))


def _endpoint(service: str, settings: Settings) -> dict[str, str]:
    variables = ("AWS_ENDPOINT_URL", f"AWS_ENDPOINT_URL_{service.upper()}")
    named = settings.endpoints.get(service)
    return {"endpoint_url": named} if named and not any(map(os.environ.get, variables)) else {}


def _session(settings: Settings) -> Any:
    import boto3

    given = settings.credentials
    session = boto3.Session(
        aws_access_key_id=given.access_key or None, aws_secret_access_key=given.secret_key or None
    )
    return _assumed(session, given, _endpoint("sts", settings)) if given.role_arn else session


def _assumed(session: Any, given: Credentials, endpoint: dict[str, str]) -> Any:
    """A session in the role, whose keys are renewed before they run out."""
    import boto3
    import botocore.session
    from botocore.credentials import AssumeRoleCredentialFetcher, DeferredRefreshableCredentials

    extra = {"RoleSessionName": "cadabra-agent"}
    if given.external_id:
        extra["ExternalId"] = given.external_id
    fetcher = AssumeRoleCredentialFetcher(
        client_creator=functools.partial(session._session.create_client, **endpoint),  # noqa: SLF001 (boto3 offers no other way to assumed roles that renew)
        source_credentials=session.get_credentials(),
        role_arn=given.role_arn,
        extra_args=extra,
    )
    inner = botocore.session.get_session()
    inner._credentials = DeferredRefreshableCredentials(fetcher.fetch_credentials, "assume-role")  # noqa: SLF001 (as above)
    return boto3.Session(botocore_session=inner, region_name=session.region_name)
