import pytest
from hypothesis import given
from hypothesis import strategies as st

from hilrig.core.telemetry import Channel, ChannelKind, Reason, Tier
from hilrig.sampler.kept_file import KeptFile
from hilrig.sampler.source import FileSource, FoldSource, labelled, natural, naturals

CHANNEL = Channel(name="c", unit="1", kind=ChannelKind.GAUGE, tier=Tier.SLOW, source="files/count")


def kept(folder, *contents):
    files = []
    for number, content in enumerate(contents):
        (folder / f"f{number}").write_text(content)
        files.append(KeptFile(folder / f"f{number}"))
    return files


def add(contents):
    return sum(map(natural, contents))


@given(st.integers(min_value=0, max_value=2**64 - 1))
def test_every_64_bit_counter_is_read(number):
    """All that a kernel counter can hold comes through."""
    assert natural(f" {number}\n".encode()) == number


@pytest.mark.parametrize(
    "text", [b"", b"-1", b"+1", b"1_0", b"0x1", b"1.5", b"1e3", b"nan", "٣".encode(), b"9" * 400]
)
def test_what_is_not_a_counter_is_refused(text):
    """Signs, underscores, exponents, foreign digits and endless numbers are not counters."""
    with pytest.raises(ValueError, match="natural"):
        natural(text)


@given(st.lists(st.binary(max_size=22), max_size=6))
def test_several_numbers_are_judged_like_one(texts):
    """What `natural` refuses is refused among others too, and no two fields run together into one number."""
    try:
        expected = [natural(text) for text in texts if text == text.strip()]
    except ValueError:
        expected = []
    if expected and len(expected) == len(texts):
        assert naturals(texts) == expected
    else:
        with pytest.raises(ValueError, match=r"natural|empty|invalid"):
            naturals(texts)


@given(st.lists(st.integers(min_value=0, max_value=2**64 - 1), min_size=1, max_size=8))
def test_several_counters_are_read(numbers):
    """All that kernel counters can hold comes through, in order."""
    assert naturals([str(number).encode() for number in numbers]) == numbers


def test_a_label_counts_only_at_the_start_of_a_line():
    """`Free:` inside `MemFree:` is not the line that was asked for."""
    data = b"MemFree: 1 kB\nFree: 2 kB\n"
    assert labelled(data, b"Free:", unit=b" kB") == 2
    assert labelled(data, b"MemFree:", unit=b" kB") == 1
    assert labelled(data, b"Mem:", unit=b" kB") is Reason.NOT_SUPPORTED


@pytest.mark.parametrize("data", [b"A: 5\n", b"A: 5 MB\n", b"A:\n", b"A: x kB", b"A: 5 kB kB"])
def test_a_label_with_another_unit_is_refused(data):
    """A number in a unit that nobody expected is an error, not a number."""
    with pytest.raises(ValueError, match="not"):
        labelled(data, b"A:", unit=b" kB")


def test_wrong_content_is_an_error_that_names_the_file(tmp_path):
    """A file that can't be parsed gives ERROR for all of its channels and says which file it is."""
    (file,) = kept(tmp_path, "nonsense")
    source = FileSource([CHANNEL, CHANNEL], file, lambda data: [natural(data)] * 2)
    assert source.read() == [Reason.ERROR] * 2
    assert source.detail() == f"{tmp_path}/f0: unexpected content"
    source.close()


def test_a_fold_needs_every_file(tmp_path):
    """A sum without one of its parts is a reason, never the sum of the rest."""
    files = kept(tmp_path, "1\n", "2\n")
    whole = FoldSource(CHANNEL, files, add)
    assert whole.read() == (3,)
    partial = FoldSource(CHANNEL, [*files, KeptFile(tmp_path / "missing")], add)
    assert partial.read() == (Reason.ABSENT,)
    assert "missing" in partial.detail()
    whole.close()


def test_a_fold_of_nothing_is_absent():
    """No files at all is not a sum of 0."""
    source = FoldSource(CHANNEL, [], add)
    assert source.read() == (Reason.ABSENT,)
    assert source.detail() == "no file for files/count"


def test_a_fold_of_nonsense_is_an_error(tmp_path):
    """Content that does not parse is ERROR, and its detail goes away with it."""
    source = FoldSource(CHANNEL, kept(tmp_path, "1\n", "two\n"), add)
    assert source.read() == (Reason.ERROR,)
    assert source.detail() == "files/count: unexpected content"
    (tmp_path / "f1").write_text("2\n")
    assert source.read() == (3,)
    assert source.detail() == ""
    source.close()
