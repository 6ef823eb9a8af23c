"""What a run says while it goes on: one plain line for each stage, with its counts and seconds."""

import time
from dataclasses import dataclass, field


@dataclass(slots=True)
class Stages:
    job: str
    seconds: dict[str, float] = field(default_factory=dict)
    _began: float = field(default_factory=time.monotonic)

    def done(self, stage: str, said: str) -> None:
        """The stage that began where the last one was done is done."""
        now = time.monotonic()
        self.seconds[stage] = round(now - self._began, 3)
        self.say(f"{stage}: {said} ({self.seconds[stage]:.1f} s)")
        self._began = now

    def say(self, text: str) -> None:
        print(f"{self.job}: {text}", flush=True)
