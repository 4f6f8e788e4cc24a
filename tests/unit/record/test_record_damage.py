import json
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from record_samples import frames_table

from hilrig.core.canonical import canonical_json
from hilrig.core.errors import RecordError
from hilrig.record.frames import FRAME_SCHEMA, decode_frames, encode_frames
from hilrig.record.journal import JournalWriter
from hilrig.record.journal_check import check_journal
from hilrig.record.journal_entry import FRAMES_JOURNAL, crc32, parse_line

ON_ONE_FOLDER = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=100
)


def written(folder, sizes, *, close):
    """Write a journal; return its two files and its rows."""
    writer = JournalWriter(folder, FRAMES_JOURNAL, FRAME_SCHEMA)
    first_id = 0
    for size in sizes:
        writer.append(encode_frames(frames_table(size, first_id=first_id)))
        first_id += size
    (writer.close if close else writer.abandon)()
    files = {name: (folder / name).read_bytes() for name in ("frames.arrows", "frames.journal")}
    return files, frames_table(first_id).tobytes()


class Shapes(list):
    """A list that a failing property does not print byte by byte."""

    def __repr__(self):
        return "pristine"


@pytest.fixture(scope="module")
def pristine(tmp_path_factory):
    """Journals of several shapes, as the bytes of their two files and their rows."""
    shapes = [((300, 300, 7), True), ((1,) * 12, False), ((5, 50), True), ((), False)]
    return Shapes(written(tmp_path_factory.mktemp("journal"), sizes, close=close) for sizes, close in shapes)


def read_back(folder, files):
    for name in ("frames.arrows", "frames.journal"):
        (folder / name).unlink(missing_ok=True)
        if name in files:
            (folder / name).write_bytes(files[name])
    checked = check_journal(folder, FRAMES_JOURNAL)
    rows = b"".join(decode_frames(batch).tobytes() for batch in checked.batches())
    return checked, rows


def assert_prefix_and_loss(checked, rows, all_rows, files, damaged):
    loss = checked.loss
    assert all_rows.startswith(rows)
    assert loss.n_rows_kept * 64 == len(rows)
    assert loss.n_data_bytes_dropped == len(damaged.get("frames.arrows", b"")) - checked.n_data_bytes
    assert loss.n_line_bytes_dropped == len(damaged.get("frames.journal", b"")) - checked.n_journal_bytes
    if damaged == files:
        assert loss.is_none
        assert rows == all_rows
    elif len(rows) < len(all_rows):
        assert not loss.is_none or not checked.is_closed
        assert loss.is_none == (loss.n_bytes_dropped == 0 and not loss.why)


names = st.sampled_from(["frames.arrows", "frames.journal"])


@ON_ONE_FOLDER
@given(data=st.data())
def test_a_cut_file_keeps_an_exact_prefix(tmp_path, pristine, data):
    """Either file cut anywhere: the rows are a prefix of those written, and a loss is counted and named."""
    files, all_rows = data.draw(st.sampled_from(pristine))
    name = data.draw(names)
    n_bytes = data.draw(st.integers(0, len(files[name])))
    damaged = files | {name: files[name][:n_bytes]}
    checked, rows = read_back(tmp_path, damaged)
    assert_prefix_and_loss(checked, rows, all_rows, files, damaged)
    assert checked.loss.is_none == (n_bytes == len(files[name]) or only_the_end_line_is_cut(files, name, n_bytes))


def only_the_end_line_is_cut(files, name, n_bytes):
    lines = files["frames.journal"].splitlines(keepends=True)
    return name == "frames.journal" and b'"end"' in lines[-1] and n_bytes == len(files[name]) - len(lines[-1])


@ON_ONE_FOLDER
@given(data=st.data())
def test_a_flipped_bit_is_never_read_over(tmp_path, pristine, data):
    """One bit flipped anywhere in either file: the rows before it come back, the rest is lost with a reason."""
    files, all_rows = data.draw(st.sampled_from(pristine))
    name = data.draw(names)
    place = data.draw(st.integers(0, len(files[name]) - 1))
    flipped = bytearray(files[name])
    flipped[place] ^= 1 << data.draw(st.integers(0, 7))
    damaged = files | {name: bytes(flipped)}
    checked, rows = read_back(tmp_path, damaged)
    assert_prefix_and_loss(checked, rows, all_rows, files, damaged)
    assert not checked.loss.is_none
    assert checked.loss.where.startswith("frames.journal:")
    assert checked.loss.n_bytes_dropped > 0


@ON_ONE_FOLDER
@given(data=st.data())
def test_a_tail_of_zeros_is_never_read_as_data(tmp_path, pristine, data):
    """A tail zeroed in place, or zeros behind the end, as a power cut leaves them: no row is invented."""
    files, all_rows = data.draw(st.sampled_from(pristine))
    name = data.draw(names)
    start = data.draw(st.integers(0, len(files[name])))
    n_zeros = len(files[name]) - start + data.draw(st.integers(0, 5000))
    damaged = files | {name: files[name][:start] + bytes(n_zeros)}
    checked, rows = read_back(tmp_path, damaged)
    assert_prefix_and_loss(checked, rows, all_rows, files, damaged)
    if damaged != files:
        assert not checked.loss.is_none


@ON_ONE_FOLDER
@given(data=st.data())
def test_damage_to_both_files_at_once_keeps_an_exact_prefix(tmp_path, pristine, data):
    """Both files cut, with garbage or zeros behind: still nothing but a prefix of the written rows."""
    files, all_rows = data.draw(st.sampled_from(pristine))
    damaged = {
        name: content[: data.draw(st.integers(0, len(content)))] + data.draw(st.binary(max_size=300))
        for name, content in files.items()
    }
    checked, rows = read_back(tmp_path, damaged)
    assert_prefix_and_loss(checked, rows, all_rows, files, damaged)


@ON_ONE_FOLDER
@given(data=st.data())
def test_lines_swapped_doubled_or_left_out_are_noticed(tmp_path, pristine, data):
    """Any other order of whole lines ends the walk where it differs from the one written."""
    files, all_rows = pristine[1]
    lines = files["frames.journal"].splitlines(keepends=True)
    shuffled = data.draw(st.lists(st.sampled_from(lines), max_size=len(lines) + 2))
    damaged = files | {"frames.journal": b"".join(shuffled)}
    checked, rows = read_back(tmp_path, damaged)
    n_common = next(
        (i for i, (a, b) in enumerate(zip(lines, shuffled, strict=False)) if a != b),
        min(len(lines), len(shuffled)),
    )
    assert checked.loss.n_rows_kept == max(0, n_common - 1)
    assert_prefix_and_loss(checked, rows, all_rows, files, damaged)


@pytest.mark.parametrize(
    ("missing", "why"),
    [
        (["frames.journal"], "frames.journal is missing"),
        (["frames.arrows"], "frames.arrows is missing"),
        (["frames.arrows", "frames.journal"], "frames.journal is missing"),
    ],
)
def test_a_missing_file_is_a_loss_of_everything(tmp_path, pristine, missing, why):
    """Without one of the two files nothing can be trusted, and the loss names the file."""
    files, _ = pristine[0]
    checked, rows = read_back(tmp_path, {name: data for name, data in files.items() if name not in missing})
    assert rows == b""
    assert checked.schema is None
    assert checked.loss.why == why
    assert not checked.loss.is_none


def test_the_rows_behind_a_flip_are_counted_but_not_trusted(tmp_path, pristine):
    """A flip in the first of three batches loses all three, and the journal tells how many rows that was."""
    files, _ = pristine[0]
    entry = parse_line(files["frames.journal"].splitlines(keepends=True)[1])
    flipped = bytearray(files["frames.arrows"])
    flipped[entry.offset + entry.length // 2] ^= 255
    checked, rows = read_back(tmp_path, files | {"frames.arrows": bytes(flipped)})
    assert rows == b""
    assert checked.loss.n_rows_untrusted == 607
    assert checked.loss.n_lines_dropped == 4
    assert checked.loss.where == "frames.journal:2"
    assert "607 more rows" in checked.loss.sentence


def resealed(files, number, **changes):
    """Return the files with one line changed and the whole chain computed anew, as a careful forger would."""
    chain, lines = "", []
    for index, line in enumerate(files["frames.journal"].splitlines(keepends=True)):
        entry = parse_line(line)
        place = replace(entry, **changes) if index == number else entry
        payload = files["frames.arrows"][place.offset : place.offset + place.length]
        entry = replace(place, crc32=crc32(payload))
        entry = replace(entry, **changes) if index == number else entry
        chain = entry.chain_after(chain, payload)
        lines.append(replace(entry, chain=chain).line())
    return files | {"frames.journal": b"".join(lines)}


@pytest.mark.parametrize(
    ("number", "changes"),
    [
        (1, {"rows": 299}),
        (1, {"rows": 10**30}),
        (1, {"first_id": 1}),
        (1, {"last_id": None}),
        (1, {"offset": 0}),
        (1, {"length": 10**15}),
        (1, {"length": 8}),
        (1, {"kind": "schema"}),
        (1, {"kind": "end"}),
        (0, {"kind": "batch"}),
        (0, {"rows": 1}),
        (4, {"rows": 1}),
        (4, {"kind": "batch"}),
        (3, {"kind": "end", "rows": 0, "first_id": None, "last_id": None}),
        (3, {"seq": 4}),
        (2, {"crc32": 0}),
    ],
)
def test_a_forged_line_with_a_chain_that_holds_is_still_refused(tmp_path, pristine, number, changes):
    """The chain has no secret, so every line is held against what its message really is."""
    files, all_rows = pristine[0]
    checked, rows = read_back(tmp_path, resealed(files, number, **changes))
    assert all_rows.startswith(rows)
    assert not checked.loss.is_none
    assert checked.loss.where == f"frames.journal:{number + 1}"


@ON_ONE_FOLDER
@given(data=st.data())
def test_a_forged_message_with_a_chain_that_holds_breaks_nothing(tmp_path, pristine, data):
    """Arrow messages changed at will, with a chain made for them, are read, refused or counted lost: no crash."""
    files, _ = pristine[0]
    forged = bytearray(files["frames.arrows"])
    for place in data.draw(st.lists(st.integers(0, len(forged) - 1), min_size=1, max_size=8)):
        forged[place] = data.draw(st.integers(0, 255))
    try:
        checked, rows = read_back(tmp_path, resealed(files | {"frames.arrows": bytes(forged)}, 0))
    except RecordError:
        return
    assert len(rows) == 64 * checked.loss.n_rows_kept


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace('"rows":300', '"rows":300.0'),
        lambda text: text.replace('"rows":300', '"rows":true'),
        lambda text: text.replace('"rows":300', '"rows":-300'),
        lambda text: text.replace('"rows":300', '"rows":300,"rows":300'),
        lambda text: text.replace('"rows":300', '"rows":300,"spare":1'),
        lambda text: text.replace('"rows":300,', ""),
        lambda text: text.replace('"kind":"batch"', '"kind":"other"'),
        lambda text: " " + text,
        lambda text: text.replace("\n", "\r\n"),
        lambda _: "[" * 900 + "\n",
        lambda _: "null\n",
        lambda _: '{"seq":' + "9" * 900 + "}\n",
        lambda text: text[:-1] + " " * 2000 + "\n",
    ],
)
def test_only_the_exact_form_of_a_line_is_a_line(pristine, change):
    """Other spellings of the same JSON, other types, deep nesting and long lines are all no journal line."""
    line = pristine[0][0]["frames.journal"].splitlines(keepends=True)[1].decode()
    assert parse_line(line.encode()) is not None
    assert parse_line(change(line).encode()) is None


@given(st.binary(max_size=200))
def test_no_bytes_make_the_line_parser_fail(raw):
    """Any bytes are an entry or none, never an exception."""
    entry = parse_line(raw)
    assert entry is None or entry.line() == raw


@settings(max_examples=30)
@given(st.recursive(st.none() | st.integers() | st.text(), lambda inner: st.dictionaries(st.text(), inner)))
def test_no_json_makes_the_line_parser_fail(value):
    """Any canonical JSON is an entry or none, never an exception."""
    assert parse_line(canonical_json(value) + b"\n") is None


def test_a_journal_too_large_to_be_one_is_refused(tmp_path, pristine, monkeypatch):
    """A planted giant is refused by its size, before it fills the memory."""
    monkeypatch.setattr("hilrig.record.journal_check.JOURNAL_MAX_BYTES", 500)
    with pytest.raises(RecordError, match="at most 500 bytes"):
        read_back(tmp_path, pristine[0][0])


def test_a_data_file_that_changes_between_check_and_reading_is_noticed(tmp_path, pristine):
    """Batches are checked once more as they are read, so a swap in between does not get through."""
    files, _ = pristine[0]
    checked, _ = read_back(tmp_path, files)
    (tmp_path / "frames.arrows").write_bytes(bytes(len(files["frames.arrows"])))
    with pytest.raises(RecordError, match="changed while it was read"):
        list(checked.batches())


def test_the_schema_is_covered_by_the_chain(tmp_path, pristine):
    """A changed name of an outcome in the schema's metadata is damage like any other."""
    files, _ = pristine[0]
    changed = files["frames.arrows"].replace(b"DROPPED", b"DECIDED", 1)
    assert changed != files["frames.arrows"]
    checked, rows = read_back(tmp_path, files | {"frames.arrows": changed})
    assert rows == b""
    assert checked.loss.where == "frames.journal:1"


def test_a_line_is_plain_json_for_other_tools(pristine):
    """Each line parses on its own and carries the keys that design and docs name."""
    for line in pristine[0][0]["frames.journal"].splitlines():
        assert set(json.loads(line)) == {
            "seq",
            "kind",
            "offset",
            "length",
            "rows",
            "first_id",
            "last_id",
            "crc32",
            "chain",
        }
