"""The process that stands in for the PLC: a Modbus server that stamps each write as its request is received."""

import asyncio
import gc
import logging
import os
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final

from hilrig.core import files
from hilrig.core.actuation import ActuationSpec
from hilrig.core.errors import PreconditionError
from hilrig.core.plc import N_REGISTERS, decode
from hilrig.core.run import Phase
from hilrig.core.units import NS_PER_MS, NS_PER_S
from hilrig.run.actuation_file import ActuationFile
from hilrig.run.actuation_rows import ActuationRows
from hilrig.run.child import Setup, run_child
from hilrig.run.shared_block import SharedBlock, Word
from hilrig.run.tuning import Tuned

FIRST_WRITE_S: Final = 15
"""An adapter tries again each second; one that does not come in fifteen is not there."""

LINGER_S: Final = 1.0
"""After the last frame was answered: a decision that needs longer to its PLC has missed every part by far."""

TICK_NS: Final = 5 * NS_PER_MS
SYNC_S: Final = 0.5
N_ADDRESSES: Final = 1 << 16
WRITE_REGISTERS: Final = 16


def main() -> None:
    """Run as a process of a run."""
    run_child(lambda setup: asyncio.run(_listen(setup)))


async def _listen(setup: Setup) -> None:
    plan, block = setup.plan, setup.block()
    if plan.actuation is None:
        raise PreconditionError("the plan has no actuation", hint="this is a fault of hilrig")
    tuned = Tuned()
    tuned.ask_exact_timers()
    tuned.ask_cpus(plan.tuning.feeder_cpus)
    listener = Listener(plan.actuation)
    await listener.open()
    file = ActuationFile(setup.run_folder / files.ACTUATIONS)
    await listener.first_write()
    if plan.tuning.real_time:
        tuned.ask_real_time()
    gc.collect()
    gc.freeze()
    setup.report("ready", pid=os.getpid(), setup=tuned.told())
    await _record(listener, file, block)
    await listener.close()
    file.close()
    setup.report("done", n_undecodable=listener.n_undecodable)


class Listener:
    """A Modbus TCP server for one unit. Every holding register is there, so that the adapter may have any base.

    Attributes:
        rows: what was written.
        n_undecodable: requests of six registers that say nothing.
    """

    def __init__(self, spec: ActuationSpec) -> None:
        self.rows = ActuationRows()
        self.n_undecodable = 0
        self._spec = spec
        self._written = asyncio.Event()

    async def open(self) -> None:
        """Listen from now on.

        Raises:
            PreconditionError: the library is missing, or the address cannot be had.
        """
        try:
            from pymodbus.server import ModbusTcpServer
            from pymodbus.simulator import DataType, SimData, SimDevice
        except ModuleNotFoundError as error:
            raise PreconditionError(
                f"actuation needs the module {error.name}, which is missing", hint="pip install 'hilrig[node]'"
            ) from error
        logging.getLogger("pymodbus").setLevel(logging.CRITICAL)
        spec = self._spec
        registers = SimData(0, count=N_ADDRESSES, values=0, datatype=DataType.REGISTERS)
        self._server = ModbusTcpServer(
            SimDevice(spec.unit_id, simdata=[registers]),
            address=(spec.host, spec.port),
            trace_pdu=self._traced,
            trace_connect=lambda is_new: self.rows.connected() if is_new else None,
        )
        try:
            await self._server.serve_forever(background=True)
        except (OSError, RuntimeError) as error:
            raise PreconditionError(
                f"nobody can listen at {spec.host}:{spec.port} (actuation): {error}",
                hint="is something else there? ss -ltnp; or another actuation.port in profile.yaml",
            ) from error

    async def first_write(self, *, within_s: float = FIRST_WRITE_S) -> None:
        """Wait until an adapter writes.

        Raises:
            PreconditionError: none does.
        """
        try:
            await asyncio.wait_for(self._written.wait(), within_s)
        except asyncio.TimeoutError as error:
            spec = self._spec
            raise PreconditionError(
                f"no PLC adapter wrote to {spec.host}:{spec.port}, unit {spec.unit_id}, within {within_s:g} s",
                hint=f"hilrig node serve --plc 'modbus://{spec.host}:{spec.port}?unit={spec.unit_id}'",
            ) from error

    async def close(self) -> None:
        """Listen no more."""
        shutdown: Callable[[], Awaitable[None]] = self._server.shutdown  # the library does not state its types
        await shutdown()

    def _traced(self, is_sent: bool, pdu: Any) -> Any:  # noqa: FBT001 - the library's signature
        t_ns = time.monotonic_ns()
        if not is_sent and pdu.function_code == WRITE_REGISTERS and pdu.dev_id == self._spec.unit_id:
            self._take(pdu.registers, t_ns)
        return pdu

    def _take(self, registers: list[int], t_ns: int) -> None:
        if len(registers) != N_REGISTERS:
            return  # somebody else's registers
        try:
            self.rows.received(decode(registers), t_ns)
        except ValueError:
            self.n_undecodable += 1
            return
        self._written.set()


async def _record(listener: Listener, file: ActuationFile, block: SharedBlock) -> None:
    """Put on disk once a second what was written, until a moment after the last frame was answered."""
    watch = asyncio.create_task(_watch_itself(listener))
    end_s = float("inf")
    while time.monotonic() < end_s and block[Word.PHASE] < Phase.DONE:
        await asyncio.sleep(SYNC_S)
        if end_s == float("inf") and _is_answered(block):
            end_s = time.monotonic() + LINGER_S
        await asyncio.to_thread(file.append, listener.rows.take())
    watch.cancel()
    file.append(listener.rows.take())


async def _watch_itself(listener: Listener) -> None:
    """Take note of how long the loop that stamps did not run: a stamp may be late by that much."""
    last_ns = time.monotonic_ns()
    while True:
        await asyncio.sleep(TICK_NS / NS_PER_S)
        now_ns = time.monotonic_ns()
        listener.rows.lagged(max(0, now_ns - last_ns - TICK_NS))
        last_ns = now_ns


def _is_answered(block: SharedBlock) -> bool:
    return bool(block[Word.FEEDER_DONE]) and block[Word.FRAMES_DONE] >= block[Word.FRAMES_RELEASED]


if __name__ == "__main__":
    main()
