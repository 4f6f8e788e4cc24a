"""A PLC for tests: pymodbus's own server in a thread, which keeps every write with its time."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from pymodbus.constants import ExcCodes
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from hilrig.core.plc import PlcWrite, decode

WAIT_S = 60.0


@dataclass
class PlcServer:
    """A running server: `writes` are (time of receipt, registers); the last two can be changed."""

    port: int
    writes: list[tuple[int, PlcWrite]] = field(default_factory=list)
    answer_after_s: float = 0.0
    refuses: bool = False

    @property
    def url(self) -> str:
        return f"modbus://127.0.0.1:{self.port}?unit=1&base=0&timeout_ms=2000"

    @property
    def last(self) -> PlcWrite:
        return self.writes[-1][1]

    def until(self, seen: Callable[[PlcWrite], bool], *, after: int = 0) -> PlcWrite:
        """Return the first write from number `after` on that `seen` is true of; fail when none comes."""
        deadline_s = time.monotonic() + WAIT_S
        while time.monotonic() < deadline_s:
            found = next((write for _, write in self.writes[after:] if seen(write)), None)
            if found is not None:
                return found
            time.sleep(0.005)
        raise AssertionError(f"no such write among {len(self.writes)}; the last ones: {self.writes[-3:]}")

    async def act(self, function_code, start, address, count, current, values):
        if values is None:
            return None
        self.writes.append((time.monotonic_ns(), decode(values)))
        if self.answer_after_s:
            await asyncio.sleep(self.answer_after_s)
        return ExcCodes.DEVICE_BUSY if self.refuses else None


@contextmanager
def plc_server(port: int = 0) -> Iterator[PlcServer]:
    """Run a server for as long as the block; port 0 asks the kernel for one."""
    plc, ready, loop = PlcServer(port), threading.Event(), asyncio.new_event_loop()
    ending = asyncio.Event()

    async def serve() -> None:
        device = SimDevice(
            1, simdata=[SimData(0, count=16, values=0, datatype=DataType.REGISTERS)], action=plc.act
        )
        server = ModbusTcpServer(device, address=("127.0.0.1", port))
        await server.serve_forever(background=True)
        plc.port = server.transport.sockets[0].getsockname()[1]
        ready.set()
        await ending.wait()
        await server.shutdown()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()), daemon=True)
    thread.start()
    assert ready.wait(WAIT_S)
    try:
        yield plc
    finally:
        loop.call_soon_threadsafe(ending.set)
        thread.join(WAIT_S)
        loop.close()
