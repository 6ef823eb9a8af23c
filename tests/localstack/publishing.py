"""Publish fed from LocalStack's queue, as Lambda's event source feeds it: host mode runs no Lambda."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3

from publish import handler


@contextmanager
def publishing(queue: str) -> Iterator[list[str]]:
    """While the block runs; gives the keys of the messages that were done."""
    ended, done = threading.Event(), []
    worker = threading.Thread(target=_work, args=(boto3.client("sqs"), queue, ended, done))
    worker.start()
    try:
        yield done
    finally:
        ended.set()
        worker.join()


def _work(sqs: Any, queue: str, ended: threading.Event, done: list[str]) -> None:
    url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
    while not ended.is_set():
        for message in sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1).get("Messages", ()):
            record = {"messageId": message["MessageId"], "body": message["Body"]}
            if not handler.handle({"Records": [record]})["batchItemFailures"]:
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
                done += [key for _bucket, key in handler.new_objects(message["Body"])]
