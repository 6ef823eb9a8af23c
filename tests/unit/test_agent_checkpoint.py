"""The agent's checkpoint is stored whole or not at all, and never taken for empty."""

from dataclasses import replace
from pathlib import Path

import pytest

from firehose.agent.checkpoint import Checkpoint, CheckpointError, Position


def test_a_checkpoint_is_all_or_nothing(tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path / "c")
    position = Position(0, "/l/x", 1, 2, 0, "", 5, 9)
    checkpoint.begin("flow", [position])
    [stored] = checkpoint.positions("flow")
    with pytest.raises(CheckpointError):
        checkpoint.store([replace(stored, acknowledged=7), replace(stored, path=None)])  # type: ignore[arg-type]
    assert checkpoint.positions("flow") == [stored]
    checkpoint.close()


@pytest.mark.parametrize("content", [b"", b"garbage" * 1000])
def test_a_checkpoint_that_is_none_is_refused_and_left_alone(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "c"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match="cannot be used"):
        Checkpoint(path)
    assert path.read_bytes() == content
