"""The functions' zips under AWS's own runtime client, spoken to as Lambda does: over its Runtime API."""

import gzip
import json
import os
import queue
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import boto3
import pytest

from contracts import publications
from contracts.lists import Entry, Served, customer_key, from_dynamo, to_plain
from contracts.s3_layout import EMR_REQUEST, Part
from infra import package

VERSION = "20261120T110000Z-1795173509"
LONG_S = 60


class RuntimeApi(BaseHTTPRequestHandler):
    """Hands out `events` one after another, and keeps what comes back in `answers`."""

    protocol_version = "HTTP/1.1"
    events: "queue.Queue[object]"
    answers: "queue.Queue[tuple[str, object]]"

    def log_message(self, *_):
        """Nobody reads it."""

    def do_GET(self):
        event = self.events.get()
        body = json.dumps(event).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Type", "application/json")  # the runtime client falls over without it
        self.send_header("Lambda-Runtime-Aws-Request-Id", "one")
        self.send_header("Lambda-Runtime-Deadline-Ms", "9999999999999")
        self.send_header(
            "Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:us-east-1:000000000000:function:f"
        )
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        told = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.answers.put((self.path.rpartition("/")[2], told))
        self.send_response(202)
        self.send_header("Content-Length", "0")
        self.end_headers()


@contextmanager
def function(name, tmp_path, **variables):
    """The zip of `name` under awslambdaric; the answer is how to invoke it."""
    code = tmp_path / f"{name}.zip"
    code.write_bytes(package.artifacts()[name].content)
    api = type("Api", (RuntimeApi,), {"events": queue.Queue(), "answers": queue.Queue()})
    with ThreadingHTTPServer(("127.0.0.1", 0), api) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        environment = {
            **{key: value for key, value in os.environ.items() if key.startswith(("AWS_", "PATH"))},
            "PYTHONPATH": str(code),
            "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{server.server_address[1]}",
            "AWS_LAMBDA_FUNCTION_NAME": name,
            "AWS_LAMBDA_FUNCTION_VERSION": "1",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1024",
            "AWS_LAMBDA_LOG_GROUP_NAME": "g",
            "AWS_LAMBDA_LOG_STREAM_NAME": "s",
            **variables,
        }
        command = [sys.executable, "-m", "awslambdaric", f"{name}.handler.handle"]
        with (
            (tmp_path / "log").open("wb") as log,
            subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=log, stderr=log) as runtime,
        ):

            def invoke(event):
                api.events.put(event)
                how, answer = _answered(api.answers, runtime)
                assert how == "response", answer
                return answer

            try:
                yield invoke
            finally:
                runtime.kill()
                runtime.wait()
                server.shutdown()
                thread.join()


def _answered(answers, runtime):
    """The runtime's answer; it may also have died."""
    deadline = time.monotonic() + LONG_S
    while answers.empty():
        assert runtime.poll() is None, f"the runtime ended with {runtime.returncode}"
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return answers.get()


def part_message(shop, part):
    record = {"s3": {"bucket": {"name": shop.bucket}, "object": {"key": part.key}}}
    return {"messageId": "m1", "body": json.dumps({"Records": [record]})}


def test_publish_writes_a_part_and_hands_back_only_what_failed(shop, tmp_path):
    line = to_plain(Served(customer_key("c1"), VERSION, {"for_you": (Entry("10001", "p"),)}))
    part = Part(1, 1, 1)
    publications.open_(shop.dynamodb, shop.table, 1, VERSION, 1)
    shop.s3.put_object(Bucket=shop.bucket, Key=part.key, Body=gzip.compress(json.dumps(line).encode()))
    test_event = {"messageId": "m2", "body": json.dumps({"Event": "s3:TestEvent", "Bucket": shop.bucket})}
    broken = {"messageId": "m3", "body": "no JSON"}
    with function("publish", tmp_path, TABLE=shop.table) as invoke:
        answer = invoke({"Records": [part_message(shop, part), test_event, broken]})
    assert answer == {"batchItemFailures": [{"itemIdentifier": "m3"}]}
    item = shop.dynamodb.get_item(TableName=shop.table, Key={"id": {"S": "customer#c1"}})["Item"]
    assert from_dynamo(item) == line
    assert publications.read(shop.dynamodb, shop.table).live_version == VERSION


def test_lookup_answers_a_function_urls_event(shop, tmp_path):
    event = {
        "version": "2.0",
        "rawPath": "/customers/c1/recommendations",
        "queryStringParameters": {"n": "2"},
        "headers": {"host": "abc.lambda-url.us-east-1.on.aws"},
        "requestContext": {"http": {"method": "GET", "path": "/customers/c1/recommendations"}},
    }
    with function("lookup", tmp_path, TABLE=shop.table) as invoke:
        answer = invoke(event)
        wrong = invoke({**event, "rawPath": "/customers/a b/recommendations"})
    assert (answer["statusCode"], json.loads(answer["body"])["source"]) == (200, "popular")
    assert wrong["statusCode"] == 400


def test_start_retrain_sends_the_request_once(shop, tmp_path):
    request = {
        "Name": "retrain-${Run}",
        "ReleaseLabel": "emr-spark-8.1.0",
        "Instances": {
            "InstanceCount": 1,
            "MasterInstanceType": "m5.xlarge",
            "KeepJobFlowAliveWhenNoSteps": False,
        },
        "Steps": [],
    }
    shop.s3.put_object(Bucket=shop.bucket, Key=EMR_REQUEST, Body=json.dumps(request).encode())
    settings = {"TABLE": shop.table, "ARTIFACTS": shop.bucket, "RUN_SECONDS": "3000", "METRICS": "shop"}
    with function("start_retrain", tmp_path, **settings) as invoke:
        answer = invoke({})
    assert answer["started"] is True
    cluster = boto3.client("emr").describe_cluster(ClusterId=answer["cluster"])["Cluster"]
    assert cluster["Name"] == f"retrain-{answer['run']}"


def test_a_function_that_fails_says_so_to_lambda(shop, tmp_path):  # noqa: ARG001 (it sets the environment)
    with function("lookup", tmp_path) as invoke, pytest.raises(AssertionError, match="KeyError"):
        invoke({"rawPath": "/health"})  # TABLE is not set
