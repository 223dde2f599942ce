"""`saola vision`: frames of cameras too simple to compute → the same traffic samples their pole would have sent, appended to `inputs`.

Partition by partition, as its owner: frames in order go to a child process that decodes and analyses; samples, dead letters, the consumed
offset and now and then a snapshot are committed together. Taking over = fence, load the newest snapshot, replay to the committed offset
with everything discarded. A sample's number counts the samples of its camera, so a replay gives the same ids. A frame that kills the child
is tried once more after a replay and then becomes a dead letter.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from city_model.child import Child, ChildDied
from city_model.codec import samples as samples_codec
from city_model.events import DeadLetter, Event, EventType
from city_model.faults import ConfigError, Fenced, Problem, Rejected, Unavailable
from city_model.topics import DEAD_LETTER, FRAMES, INPUTS
from stream_processor import frames_state
from stream_processor.bridge_jpeg import MAX_PIXELS, check_jpeg
from stream_processor.core.vision.camera import SNAPSHOT_VERSION, load_geometry
from stream_processor.core.vision.stopped import DWELL_S
from stream_processor.frames_child import CHILD
from stream_processor.frames_state import CameraState
from stream_processor.logs.port import EventLog, Output, Owner, Reader, Stored
from stream_processor.logs.records import from_record, to_record

GROUP = "vision"
DEATHS_ALLOWED = 1
MAX_DEAD_BYTES = 65_536
FUTURE_MS = 300_000
"""One frame of a wrong clock must not make all later ones look old; judged by the arrival time in the record, so a replay agrees."""
_ENV = {
    "OPENCV_IO_MAX_IMAGE_PIXELS": str(MAX_PIXELS),  # before cv2 is imported
    "OPENCV_LOG_LEVEL": "SILENT",
    "OPENBLAS_NUM_THREADS": "1",  # a pool of threads that nobody uses weighs tens of MB
    "OMP_NUM_THREADS": "1",
}
log = logging.getLogger("saola.vision")


@dataclass(frozen=True, slots=True)
class VisionSettings:
    """`cameras`: folder of <device>.toml, None: whole pictures. What stands for `dwell_s` is a stopped vehicle.

    A snapshot follows after `snapshot_bytes` of frames.
    """

    cameras: Path | None = None
    sample_every_s: float = 5.0
    dwell_s: float = DWELL_S
    batch_frames: int = 64
    snapshot_bytes: int = 16_000_000
    frame_limit_s: float = 20.0
    child: str = CHILD


def check_cameras(folder: Path | None) -> str:
    """Read every camera file once; returns what the snapshots depend on. Raises ConfigError with the problems of all of them."""
    if folder is None:
        return "none"
    if not folder.is_dir():
        raise ConfigError([Problem(str(folder), "--cameras", "is no folder", "a folder of <device>.toml")])
    problems: list[Problem] = []
    digest = hashlib.sha256()
    for path in sorted(folder.glob("*.toml")):
        try:
            digest.update(f"{path.stem} {load_geometry(path)!r}".encode())
        except ConfigError as err:
            problems += err.problems
    if problems:
        raise ConfigError(problems)
    return digest.hexdigest()[:16]


class FrameService:
    """A member of the vision group. `counts`: frames, samples, duplicates, child_deaths, take_overs, and dead letters by code."""

    def __init__(self, event_log: EventLog, settings: VisionSettings) -> None:
        self.event_log = event_log
        self.settings = settings
        self.config = f"{check_cameras(settings.cameras)}-{SNAPSHOT_VERSION}-{settings.sample_every_s:g}-{settings.dwell_s:g}"
        self.counts: Counter[str] = Counter()

    async def run(self, member: str, stop: asyncio.Event) -> None:
        """Work until `stop` is set; then give the partitions up at once."""
        membership = await self.event_log.join(GROUP, FRAMES, member)
        workers: dict[int, asyncio.Task[None]] = {}
        try:
            while not stop.is_set():
                assigned = await membership.assigned()
                for gone in workers.keys() - assigned:
                    await _end(workers.pop(gone))
                for new in sorted(assigned - workers.keys()):
                    workers[new] = asyncio.create_task(self._work(new), name=f"vision-p{new}")
                for task in workers.values():
                    if task.done():
                        task.result()
                await _wait(stop, 0.2)
        finally:
            for task in workers.values():
                await _end(task)
            await membership.leave()

    async def _work(self, partition: int) -> None:
        """Take over and go on, again and again, until cancelled."""
        deaths: Counter[int] = Counter()
        pause_s = 0.05
        while True:
            worker = _Partition(self, partition, deaths)
            try:
                await worker.take_over()
                self.counts["take_overs"] += 1
                pause_s = 0.05
                await worker.go_on()
            except ChildDied as err:
                self.counts["child_deaths"] += 1
                log.warning("decoder died, starting another", extra={"partition": partition, "reason": str(err)})
            except Fenced:
                await asyncio.sleep(1.0)  # the group will tell whose it is
            except Unavailable as err:
                log.warning("log unavailable, will take over again", extra={"partition": partition, "reason": str(err)})
                await asyncio.sleep(pause_s * (0.5 + random.random()))
                pause_s = min(pause_s * 2, 5.0)
            finally:
                await worker.close()


class _Partition:
    """One take-over of one partition: owner, reader, child and cameras."""

    def __init__(self, service: FrameService, partition: int, deaths: Counter[int]) -> None:
        self._service = service
        self._settings = service.settings
        self._log = service.event_log
        self._p = partition
        self._deaths = deaths
        self._cameras: dict[str, CameraState] = {}
        self._child: Child | None = None
        self._owner: Owner | None = None
        self._reader: Reader | None = None
        self._bytes_since = 0
        self._snapshot_now = False

    async def take_over(self) -> None:
        """Fence, load, replay. Without a usable snapshot the cameras begin anew at the committed offset, under new sample boots."""
        self._owner = await self._log.own(GROUP, FRAMES, self._p)
        committed = await self._owner.committed()
        first, _ = await self._log.bounds(FRAMES, self._p)
        start = first if committed is None else committed
        if committed is not None and (saved := await frames_state.newest(self._log, self._p, self._service.config)):
            start, self._cameras = saved
            for device, camera in self._cameras.items():
                if camera.vision:  # none where no picture of it was ever decoded
                    await self._ask(["load", device, camera.vision])
        self._reader = await self._log.reader(FRAMES, self._p, start)
        while committed is not None and self._reader.position < committed:
            rows = await self._reader.fetch(self._settings.batch_frames, wait_s=1.0)
            replayed = [row for row in rows if row.offset < committed]
            for row in replayed:
                await self._judge(row)
            if len(replayed) < len(rows):
                await self._reader.close()
                self._reader = await self._log.reader(FRAMES, self._p, committed)

    async def go_on(self) -> None:
        """Work until cancelled, fenced, or the log or the child is away."""
        assert self._reader is not None
        while True:
            if rows := await self._reader.fetch(self._settings.batch_frames, wait_s=0.1):
                await self._process(rows)

    async def _process(self, rows: Sequence[Stored]) -> None:
        outputs = [output for row in rows for output in await self._judge(row)]
        next_offset = rows[-1].offset + 1
        self._bytes_since += sum(len(row.record.value or b"") for row in rows)
        if self._snapshot_now or self._bytes_since >= self._settings.snapshot_bytes:
            outputs += await self._snapshot(next_offset)
        assert self._owner is not None
        await self._owner.commit(outputs, next_offset)
        self._service.counts["frames"] += len(rows)
        self._service.counts["samples"] += sum(output.topic == INPUTS for output in outputs)

    async def _snapshot(self, next_offset: int) -> list[Output]:
        for device, camera in self._cameras.items():
            camera.vision = (await self._ask(["save", device]))[1] or b""
        self._bytes_since, self._snapshot_now = 0, False
        return frames_state.to_outputs(self._cameras, self._p, next_offset, self._service.config)

    async def _judge(self, row: Stored) -> list[Output]:
        """What one record of `frames` gives: samples, a dead letter, or nothing yet."""
        event: Event | None = None
        try:
            event = from_record(row.record)
            if event.type != EventType.FRAME:
                raise Rejected("unknown_type", f"{event.type[:80]!r} among frames")
            return await self._frame(event, row)
        except Rejected as err:
            self._service.counts[f"dead_{err.code}"] += 1
            return [_dead(row, event, err)]

    async def _frame(self, event: Event, row: Stored) -> list[Output]:
        check_jpeg(event.data)
        if event.recorded_ms and event.at_ms > event.recorded_ms + FUTURE_MS:
            raise Rejected(
                "future", f"taken {(event.at_ms - event.recorded_ms) / 1000:.0f} s after it arrived; at most {FUTURE_MS / 1000:.0f} s"
            )
        camera = self._cameras.get(event.device)
        if camera is not None and (event.at_ms <= camera.last_ms or (camera.boot == event.boot and 0 <= event.seq <= camera.last_seq)):
            self._service.counts["duplicates"] += 1
            return []
        if camera is None or camera.boot != event.boot:
            vision = camera.vision if camera is not None else b""
            camera = self._cameras[event.device] = CameraState(event.boot, event.seq, event.seq, event.at_ms, vision=vision)
        camera.last_seq, camera.last_ms = event.seq, event.at_ms
        data = await self._samples(event, row)
        return [self._sample_output(event, camera, data)] if data else []

    async def _samples(self, event: Event, row: Stored) -> bytes:
        if self._deaths[row.offset] > DEATHS_ALLOWED:
            self._snapshot_now = True  # no replay shall meet this frame again
            raise Rejected("kills_decoder", f"the decoder's process died of it {self._deaths[row.offset]} times")
        try:
            async with asyncio.timeout(self._settings.frame_limit_s):
                answer = await self._ask(["frame", event.device, event.at_ms, event.data])
        except TimeoutError as err:
            self._deaths[row.offset] += 1
            raise ChildDied(self._settings.child, -9) from err
        except ChildDied:
            self._deaths[row.offset] += 1
            raise
        return bytes(answer[1])

    def _sample_output(self, event: Event, camera: CameraState, data: bytes) -> Output:
        found = samples_codec.decode(data)
        boot = camera.sample_boot
        sample_event = Event(
            EventType.SAMPLES, event.site, event.device, boot, camera.next_seq if boot else -1, len(found), found[-1].at_ms,
            samples_codec.CONTENT_TYPE, data, area=event.area, recorded_ms=event.recorded_ms,
        )  # fmt: skip
        camera.next_seq += len(found)
        return Output(INPUTS, to_record(sample_event))

    async def _ask(self, message: list[Any]) -> list[Any]:
        """One question to the child, started when first needed: an area without frames costs no process."""
        if self._child is None:
            folder = None if self._settings.cameras is None else str(self._settings.cameras)
            argument = {"cameras": folder, "sample_every_s": self._settings.sample_every_s, "dwell_s": self._settings.dwell_s}
            self._child = Child(self._settings.child, argument, env=_ENV)
            await self._child.start()
        await self._child.send(message)
        answer: list[Any] = await self._child.receive()
        if answer[0] == "bad":
            raise Rejected(answer[1], answer[2])
        return answer

    async def close(self) -> None:
        """Release what is held; never raises."""
        if self._child is not None:
            await self._child.stop()
        for held in (self._reader, self._owner):
            if held is not None:
                try:
                    await held.close()
                except Unavailable as err:
                    log.info("closing after a fault", extra={"reason": str(err)})


def _dead(row: Stored, event: Event | None, err: Rejected) -> Output:
    value = row.record.value or b""
    source = "" if event is None else event.source
    where = f"{row.topic}/{row.partition}@{row.offset}"
    letter = DeadLetter(err.code, err.detail, where, source, row.record.at_ms, len(value), value[:MAX_DEAD_BYTES])
    site = "saola" if event is None else event.site
    device = f"vision-{row.partition}" if event is None else event.device
    data = msgspec.json.encode(letter)
    dead = Event(EventType.DEAD_LETTER, site, device, "", -1, 1, row.record.at_ms, "application/json", data)
    return Output(DEAD_LETTER, to_record(dead, key=row.record.key.decode(errors="replace")))


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def _wait(stop: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return
