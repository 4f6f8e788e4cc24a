"""hilrig.run.actuation_rows, actuation_file, plc_listener: what is kept of the writes, and how it survives."""

import asyncio
import socket
import time
from pathlib import Path

import numpy as np
import pytest

from hilrig.core.actuation import ActuationSpec
from hilrig.core.actuation_table import ACTUATION_DTYPE, ActuationTable
from hilrig.core.errors import PreconditionError, RecordError
from hilrig.core.plc import FailSafeReason, PlcDecision, PlcWrite
from hilrig.core.units import NS_PER_MS, NS_PER_S
from hilrig.node.plc.link import PlcLinkError, open_link
from hilrig.node.plc.url import read_plc_url
from hilrig.record.actuations import read_actuations
from hilrig.run.actuation_file import ActuationFile
from hilrig.run.actuation_rows import ActuationRows
from hilrig.run.plc_listener import Listener
from own_loops import run_async

MS = NS_PER_MS
T_NS = 5 * NS_PER_S


def good(heartbeat: int, sequence: int) -> PlcWrite:
    return PlcWrite(heartbeat, PlcDecision.GOOD, sequence, 1, FailSafeReason.NONE)


def test_only_what_is_new_is_kept() -> None:
    """Five writes of one decision are one row; another sequence, decision or reason is the next."""
    rows = ActuationRows()
    for tick in range(5):
        rows.received(good(tick, 1), T_NS + tick * 10 * MS)
    rows.received(good(5, 2), T_NS + 50 * MS)
    rows.received(PlcWrite(6, PlcDecision.FAIL_SAFE, 2, 101, FailSafeReason.ABSENT), T_NS + 60 * MS)
    kept = rows.take()
    assert kept["sequence"].tolist() == [1, 2, 2]
    assert kept["decision"].tolist() == [1, 1, 3]
    assert (kept["t_ns"] - T_NS).tolist() == [0, 50 * MS, 60 * MS]
    assert not rows.take().size


def test_a_row_a_second_shows_that_somebody_writes() -> None:
    """A decision that stands for three seconds has a row for each."""
    rows = ActuationRows()
    for tick in range(301):
        rows.received(good(tick, 1), T_NS + tick * 10 * MS)
    assert (rows.take()["t_ns"] - T_NS).tolist() == [0, NS_PER_S, 2 * NS_PER_S, 3 * NS_PER_S]


def test_lost_heartbeats_and_silence_stand_in_the_next_row() -> None:
    """Three heartbeats never arrived, 40 ms nobody wrote; the wrap at 65536 is no loss, nor is a reconnection."""
    rows = ActuationRows()
    rows.received(good(65_535, 1), T_NS)
    rows.received(good(0, 1), T_NS + 10 * MS)
    rows.received(good(4, 2), T_NS + 50 * MS)
    rows.connected()
    rows.received(good(9, 3), T_NS + 60 * MS)
    kept = rows.take()
    assert kept["n_skipped"].tolist() == [0, 3, 0]
    assert kept["silence_ns"].tolist() == [0, 40 * MS, 10 * MS]


def table(*sequences: int) -> ActuationTable:
    rows = np.zeros(len(sequences), ACTUATION_DTYPE)
    rows["sequence"], rows["t_ns"] = sequences, T_NS
    return rows


def test_rows_are_read_back_to_the_bit(tmp_path: Path) -> None:
    """Two batches, one of them empty, and the largest numbers."""
    path = tmp_path / "actuations.arrows"
    rows = table(1, 0xFFFF_FFFF)
    rows["heartbeat"], rows["age_ms"] = 65_535, 65_535
    file = ActuationFile(path)
    for batch in (rows, table(), table(3)):
        file.append(batch)
    file.close()
    found = read_actuations(path)
    assert found is not None
    assert found.tobytes() == np.concatenate([rows, table(3)]).tobytes()


def test_a_file_cut_anywhere_gives_its_whole_batches(tmp_path: Path) -> None:
    """A power cut leaves a prefix: never an error, never half a row."""
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    file = ActuationFile(whole)
    for sequence in (1, 2, 3):
        file.append(table(sequence))
    data = whole.read_bytes()
    seen = set()
    for n_bytes in range(0, len(data), 7):
        cut.write_bytes(data[:n_bytes])
        found = read_actuations(cut)
        assert found is not None
        assert found["sequence"].tolist() == [1, 2, 3][: found.size]
        seen.add(int(found.size))
    assert seen == {0, 1, 2}


def test_a_foreign_file_is_no_actuations(tmp_path: Path) -> None:
    """Other columns are refused, a link is not followed, no file is no table."""
    import pyarrow as pa

    path = tmp_path / "foreign"
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_stream(file, pa.schema([("x", pa.int64())])):
        pass
    link = tmp_path / "link"
    link.symlink_to(path)
    assert read_actuations(tmp_path / "nothing") is None
    for bad in (path, link):
        with pytest.raises(RecordError):
            read_actuations(bad)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def test_a_write_is_stamped_when_it_is_received() -> None:
    """The stamp lies between sending and answer, at any base address; another unit's writes are not ours."""
    port = free_port()

    async def listen() -> ActuationTable:
        listener = Listener(ActuationSpec(port=port, unit_id=3))
        await listener.open()
        await asyncio.to_thread(write, "unit=4", 1)
        before_ns = time.monotonic_ns()
        await asyncio.to_thread(write, "unit=3&base=40000", 2)
        after_ns = time.monotonic_ns()
        await listener.first_write(within_s=60)
        await listener.close()
        kept = listener.rows.take()
        assert before_ns < int(kept["t_ns"][0]) < after_ns
        return kept

    def write(query: str, sequence: int) -> None:
        link = open_link(read_plc_url(f"modbus://127.0.0.1:{port}?timeout_ms=2000&{query}"))
        link.connect()
        try:
            link.write(good(0, sequence))
        except PlcLinkError:
            assert "unit=4" in query
        link.close()

    assert run_async(listen())["sequence"].tolist() == [2]


def test_without_an_adapter_the_run_is_refused_with_the_line_to_type() -> None:
    """Nobody writes: refused before the first frame."""
    port = free_port()

    async def listen() -> None:
        listener = Listener(ActuationSpec(port=port))
        await listener.open()
        try:
            await listener.first_write(within_s=0.05)
        finally:
            await listener.close()

    with pytest.raises(PreconditionError) as caught:
        run_async(listen())
    assert f"--plc 'modbus://127.0.0.1:{port}?unit=1'" in caught.value.hint


def test_a_port_that_is_taken_is_told() -> None:
    """Something else listens there."""

    async def listen(port: int) -> None:
        await Listener(ActuationSpec(port=port)).open()

    with socket.create_server(("127.0.0.1", 0)) as server, pytest.raises(PreconditionError) as caught:
        run_async(listen(server.getsockname()[1]))
    assert "nobody can listen at 127.0.0.1:" in caught.value.message
