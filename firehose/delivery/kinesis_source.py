"""A Kinesis stream as the source of a delivery stream: one thread reads its shards into the spool.

A shard's position is written down after its records are on disk: a kill reads at most one answer again.
"""

import json
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from firehose.delivery.stream import Stream
from firehose.durable import write_durably

POSITIONS = "shards.json"  # beside the stream's definition
READ_RECORDS = 1000  # a tenth of what an answer may hold, all of which a kill may double
IDLE_SECONDS = 0.25  # AWS allows five reads a second for each shard
RETRY_SECONDS = 1.0
SHARD_LIST_SECONDS = 10.0  # a resharding is seen within
_FINISHED = "finished"


class KinesisSource:
    def __init__(self, stream: Stream, kinesis: Callable[[], Any], clock: Callable[[], float]) -> None:
        self._stream, self._kinesis, self._clock = stream, kinesis, clock
        self._path = stream.directory / POSITIONS
        self._positions: dict[str, str] = json.loads(self._path.read_bytes()) if self._path.exists() else {}
        self._iterators: dict[str, str] = {}
        self._listed = float("-inf")

    def start(self) -> None:
        name = f"kinesis-{self._stream.definition.name}"
        threading.Thread(target=self._run, name=name, daemon=True).start()

    def _run(self) -> None:
        stopping = self._stream.stopping
        while not stopping.is_set() and not self._stream.definition.deleting:
            try:
                self._find_shards()
                moved = sum(self._read(shard) for shard in list(self._iterators))
            except Exception as error:  # noqa: BLE001 (whatever Kinesis, the network or a full disk does: again, from the last position)
                self._stream.source_error = f"{type(error).__name__}: {error}"
                self._iterators.clear()
                self._listed = float("-inf")
                stopping.wait(RETRY_SECONDS)
            else:
                self._stream.source_error = ""
                stopping.wait(0 if moved else IDLE_SECONDS)

    def _find_shards(self) -> None:
        if self._clock() - self._listed < SHARD_LIST_SECONDS:
            return
        source = self._stream.definition.kinesis_arn
        for page in self._kinesis().get_paginator("list_shards").paginate(StreamARN=source):
            for shard in page["Shards"]:
                name = shard["ShardId"]
                if name not in self._iterators and self._positions.get(name) != _FINISHED:
                    self._iterators[name] = self._iterator(name, child="ParentShardId" in shard)
        self._listed = self._clock()

    def _iterator(self, shard: str, *, child: bool) -> str:
        """After what is on disk; else from when the delivery stream was made, or from a child's beginning."""
        definition = self._stream.definition
        start: dict[str, Any]
        if shard in self._positions:
            start = {
                "ShardIteratorType": "AFTER_SEQUENCE_NUMBER",
                "StartingSequenceNumber": self._positions[shard],
            }
        elif child:
            start = {"ShardIteratorType": "TRIM_HORIZON"}
        else:
            created = datetime.fromtimestamp(definition.created, UTC)
            start = {"ShardIteratorType": "AT_TIMESTAMP", "Timestamp": created}
        answer = self._kinesis().get_shard_iterator(StreamARN=definition.kinesis_arn, ShardId=shard, **start)
        return str(answer["ShardIterator"])

    def _read(self, shard: str) -> int:
        answer = self._kinesis().get_records(
            StreamARN=self._stream.definition.kinesis_arn,
            ShardIterator=self._iterators[shard],
            Limit=READ_RECORDS,
        )
        records = answer["Records"]
        if records:
            self._stream.append([record["Data"] for record in records], self._clock())
            self._advance(shard, records[-1]["SequenceNumber"])
        following = answer.get("NextShardIterator")
        if following:
            self._iterators[shard] = following
        else:
            del self._iterators[shard]
            self._advance(shard, _FINISHED)
        return len(records)

    def _advance(self, shard: str, position: str) -> None:
        self._positions[shard] = position
        write_durably(self._path, json.dumps(self._positions).encode())
