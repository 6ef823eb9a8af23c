"""Gets batches acknowledged: resends what failed, waits where nothing can succeed, isolates what is wrong."""

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
)

from firehose.agent.config import Flow
from firehose.agent.destination import Destination
from firehose.agent.packing import Batch
from firehose.agent.quarantine import Quarantine
from firehose.agent.status import Counts

FIRST_PROBE_SECONDS = 0.5
LAST_PROBE_SECONDS = 15.0  # an operator who has just made the stream waits no longer
STUCK_ATTEMPTS = 50  # about seven minutes of back-off while other records are taken
_POISON = {"InvalidArgumentException", "ValidationException", "SerializationException"}
_NOBODY_MAY = {
    *("ResourceNotFoundException", "InvalidSourceException", "InvalidKMSResourceException"),
    *("AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "OptInRequired"),
    *("UnrecognizedClientException", "InvalidClientTokenId", "InvalidSignatureException"),
    *("SignatureDoesNotMatch", "IncompleteSignature", "MissingAuthenticationTokenException"),
    *("ExpiredToken", "ExpiredTokenException", "UnknownOperationException"),
    *("KMSAccessDeniedException", "KMSDisabledException", "KMSNotFoundException"),
}
_NO_CREDENTIALS = (NoCredentialsError, PartialCredentialsError, CredentialRetrievalError, NoRegionError)


class StoppingError(Exception):
    """The agent is to stop before this is done."""


class RefusedCallError(Exception):
    """The call is wrong as it is: sending it again changes nothing."""


@dataclass
class Circuit:
    """Open while no record can be taken at all: one sender probes, the others wait. No offset moves."""

    reason: str = ""
    _changed: threading.Condition = field(default_factory=threading.Condition)
    _next_probe: float = 0.0
    _openings: int = 0
    _probing: bool = False

    def open(self, reason: str) -> bool:
        """Whether it was closed before."""
        with self._changed:
            newly = not self.reason
            self.reason = reason
            if newly or self._probing:  # senders whose calls were under way then tell nothing new
                self._next_probe = time.monotonic() + min(
                    LAST_PROBE_SECONDS, FIRST_PROBE_SECONDS * 2 ** min(self._openings, 10)
                )
                self._openings += 1
            self._probing = False
            return newly

    def close(self) -> None:
        with self._changed:
            self.reason, self._openings, self._probing = "", 0, False
            self._changed.notify_all()

    def pass_through(self, stopping: threading.Event) -> None:
        """Returns at once while closed; while open, to one sender at a time."""
        with self._changed:
            while self.reason and not stopping.is_set():
                wait = self._next_probe - time.monotonic()
                if wait <= 0:
                    self._next_probe = time.monotonic() + LAST_PROBE_SECONDS
                    self._probing = True
                    return
                self._changed.wait(min(wait, 0.2))


@dataclass
class Sender:
    """Ships one batch at a time, until it is acknowledged or the agent must stop."""

    flow: Flow
    destination: Destination
    quarantine: Quarantine
    counts: Counts
    circuit: Circuit
    stopping: threading.Event
    warn: Callable[[str], None]

    def ship(self, batch: Batch) -> bool:
        """True when every record is taken or in quarantine; False when the agent must stop before that."""
        pending = batch.records
        try:
            while pending:
                self.circuit.pass_through(self.stopping)
                refused = self._send(pending)
                if refused and self.counts.records:
                    refused = self._send(refused)  # the stream may have refused everything until just now
                    self._keep(refused, batch)
                elif refused:  # it has never taken anything: the stream is wrong, not the record
                    self._open(self.counts.last_error)
                    pending = refused
                    continue
                return True
        except StoppingError:
            return False
        return True

    def _send(self, records: list[bytes]) -> list[bytes]:
        """Everything is taken but what is returned: that is refused for good."""
        attempt = 0
        while True:
            if self.stopping.is_set():
                raise StoppingError
            try:
                records = self._call(records)
            except RefusedCallError:
                middle = len(records) // 2
                return [*self._send(records[:middle]), *self._send(records[middle:])] if middle else records
            attempt += 1
            if not records or (attempt > STUCK_ATTEMPTS and self.counts.records):
                return records
            self.counts.add(retries=1)
            self.stopping.wait(self._pause(attempt))
            self.circuit.pass_through(self.stopping)

    def _call(self, records: list[bytes]) -> list[bytes]:
        """The records that were not taken. A time-out says nothing: all of them count as not taken."""
        self.counts.add(calls=1)
        try:
            failed = self.destination.send(records)
        except ClientError as error:
            self._note(error)
            code = error.response.get("Error", {}).get("Code", "")
            if code in _POISON:
                raise RefusedCallError from error
            if code in _NOBODY_MAY:
                self._open(self.counts.last_error)
        except _NO_CREDENTIALS as error:
            self._note(error)
            self._open(str(error))
        except (BotoCoreError, OSError) as error:
            self._note(error)
        else:
            self.circuit.close()
            self.counts.add(records=len(records) - len(failed), failed_records=len(failed))
            records = [records[place] for place in failed]
        return records

    def _keep(self, records: list[bytes], batch: Batch) -> None:
        if not records:
            return
        reason = self.counts.last_error or f"not taken in {STUCK_ATTEMPTS} attempts, while others were"
        origin = ", ".join(f"{generation.path} before byte {end}" for generation, end in batch.ends.items())
        path = self.quarantine.keep(iter(records), self.flow.stream, reason, origin)
        self.counts.add(quarantined=len(records))
        self.warn(f"{len(records)} records for {self.flow.stream} are in quarantine in {path}: {reason}")

    def _note(self, error: Exception) -> None:
        self.counts.last_error = _said(error)

    def _open(self, reason: str) -> None:
        if self.circuit.open(reason):
            self.warn(f"{self.flow.stream} takes nothing, waiting: {reason}")

    def _pause(self, attempt: int) -> float:
        longest = min(self.flow.last_retry_seconds, self.flow.first_retry_seconds * 2 ** min(attempt - 1, 20))
        return random.uniform(longest / 2, longest)


def _said(error: Exception) -> str:
    """AWS's own code and sentence, without botocore's words about its retries, which are switched off."""
    if isinstance(error, ClientError):
        told = error.response.get("Error", {})
        return f"{told.get('Code', 'an error')}: {told.get('Message', '')}"
    return f"{type(error).__name__}: {error}"
