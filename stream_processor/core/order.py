"""Order per device: duplicates dropped, gaps waited for up to the lateness bound, late items set apart.

A device's contiguous sequence goes through at once; only a gap waits, and only ticks end the waiting. Whatever the arrival order
within the bound, what comes out for a device is the same items in the same order.

- An item older than the last tick minus the bound is late even when its sequence is contiguous: that is an outbox draining.
- `boot` begins with the start time of the sender, so a larger boot is newer. A new boot is a gap whose length nobody knows: it waits
  out the bound, while the old boot goes on; afterwards what still comes of the old boot is late.
- A device without a sequence: see `loose`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from stream_processor.core.columnar import Rows, ints, of_ints
from stream_processor.core.loose import Loose
from stream_processor.core.parcel import Parcel, Ready
from stream_processor.core.sequence import Sequence
from stream_processor.core.tally import Tally

_REMEMBERED_BOOTS = 4
_FORGET_AFTER_MS = 2 * 3_600_000


@dataclass(slots=True)
class _Device:
    """One device: the boot that is judged now, and the sequence of each boot, older ones and ones that wait."""

    boot: str = ""
    sequences: dict[str, Sequence] = field(default_factory=dict)
    loose: Loose | None = None

    def waits(self) -> bool:
        return any(sequence.waiting for sequence in self.sequences.values())

    def is_smooth(self) -> bool:
        """Whether its boot and its next number say all."""
        only = self.sequences.get(self.boot)
        return self.loose is None and len(self.sequences) == 1 and only is not None and not only.holes and not only.waiting


class Order:
    """All devices of one partition. `tally` says what was dropped or set apart."""

    def __init__(self, lateness_ms: int) -> None:
        self._lateness_ms = lateness_ms
        self._devices: Rows[str, _Device] = Rows()
        self._held: set[str] = set()
        self.now_ms: int | None = None
        self.tally = Tally()

    def push(self, parcel: Parcel) -> Iterator[Ready]:
        """Take in what arrived; yield what may be judged now, and what is late."""
        self.tally.add("received", parcel)
        device = self._device(parcel.device)
        if not parcel.boot:
            device.loose = device.loose or Loose()
            yield from device.loose.push(parcel, self._bound_ms(), self.tally)
        else:
            device.boot = device.boot or parcel.boot
            sequence = device.sequences.setdefault(parcel.boot, Sequence())
            if parcel.boot == device.boot:
                yield from sequence.push(parcel, self._bound_ms(), self.tally)
            elif parcel.boot < device.boot:
                yield from sequence.push_past(parcel, self.tally)
            else:
                yield from sequence.wait(parcel, self._bound_ms(), self.tally)
        self._hold(parcel.device, device)

    def gap(self, device: str, boot: str, first: int, last: int) -> Iterator[Ready]:
        """The sender says that `first..last` will never come: nobody waits for them."""
        state = self._device(device)
        state.boot = state.boot or boot
        if boot < state.boot:
            return
        self.tally.totals["gaps"] += 1
        self.tally.add_at("missing", device, self.now_ms or 0, last - first + 1)
        sequence = state.sequences.setdefault(boot, Sequence())
        if boot == state.boot:
            yield from sequence.gap(device, boot, first, last, self.now_ms or 0, self.tally)
        else:
            sequence.waiting.setdefault(first, Parcel.hole(device, boot, first, last, self.now_ms or 0))
        self._hold(device, state)

    def tick(self, now_ms: int) -> Iterator[Ready]:
        """Time has come to `now_ms`: gaps older than the bound are waited for no longer. Devices in the order of their names."""
        if self.now_ms is not None and now_ms <= self.now_ms:
            return
        self.now_ms = now_ms
        until_ms = now_ms - self._lateness_ms
        for name in sorted(self._held):
            device = self._devices[name]
            yield from self._drain(device, until_ms)
            if device.loose is not None:
                yield from device.loose.release(name, until_ms, until_ms - _FORGET_AFTER_MS)
            self._hold(name, device)

    def _device(self, name: str) -> _Device:
        device = self._devices.get(name)
        if device is None:
            device = self._devices[name] = _Device()
        return device

    def _bound_ms(self) -> int | None:
        return None if self.now_ms is None else self.now_ms - self._lateness_ms

    def _hold(self, name: str, device: _Device) -> None:
        """Only devices that hold something need ticks."""
        if device.waits() or (device.loose is not None and (device.loose.held or device.loose.judged)):
            self._held.add(name)
        else:
            self._held.discard(name)

    def _drain(self, device: _Device, until_ms: int) -> Iterator[Ready]:
        """Boots in their order: one is over when something of a newer one has waited out the bound."""
        for boot in sorted(boot for boot in device.sequences if boot >= device.boot):
            sequence = device.sequences[boot]
            newer = [s for b, s in device.sequences.items() if b > boot]
            over = any(p.first_ms <= until_ms for s in newer for p in s.waiting.values())
            if boot > device.boot:
                if not any(p.first_ms <= until_ms for p in sequence.waiting.values()):
                    return
                device.boot = boot
                yield from sequence.start(self.tally)
            yield from sequence.drain(None if over else until_ms, self.tally)
        for old in sorted(device.sequences)[:-_REMEMBERED_BOOTS]:
            if old < device.boot:
                del device.sequences[old]

    def snapshot(self) -> dict[str, Any]:
        """State as plain values: a row of its own only for a device that is behind a gap, has two boots, or no sequence."""
        rows = self._devices.sorted()
        smooth = [(name, device) for name, device in rows if device.is_smooth()]
        others = {
            name: [d.boot, {boot: s.plain() for boot, s in d.sequences.items()}, d.loose.plain() if d.loose else None]
            for name, d in rows
            if not d.is_smooth()
        }
        columns = {
            "names": [name for name, _ in smooth],
            "boots": [d.boot for _, d in smooth],
            "next": ints(d.sequences[d.boot].next for _, d in smooth),
        }
        return {"now_ms": self.now_ms, "tally": self.tally.snapshot(), "devices": others, "smooth": columns}

    def restore(self, state: dict[str, Any]) -> None:
        """Continue exactly from `snapshot()`."""
        self.now_ms = state["now_ms"]
        self.tally.restore(state["tally"])
        boots: list[str] = state["smooth"]["boots"]
        following = of_ints(state["smooth"]["next"])
        self._devices = Rows(state["smooth"]["names"], lambda k: _Device(boots[k], {boots[k]: Sequence(int(following[k]))}))
        self._held = set()
        for name, (boot, sequences, loose) in state["devices"].items():
            device = _Device(boot, {b: Sequence.of_plain(s) for b, s in sequences.items()}, Loose.of_plain(loose) if loose else None)
            self._devices[name] = device
            self._hold(name, device)
