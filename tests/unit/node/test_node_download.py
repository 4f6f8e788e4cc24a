import hashlib

import pytest

from gated_releases import Publisher
from hilrig.core.errors import TrustError, UsageError
from hilrig.core.release import ReleaseFile
from hilrig.node.agent.download import Downloads, fetch_file
from hilrig.node.agent.errors import DownloadError
from hilrig.node.agent.places import FolderPlace, WebPlace, place_of_release
from hilrig.node.agent.watching import FileWatch, WebWatch, jittered
from hilrig.node.release_files import read_release
from node_releases import accept_any
from release_servers import serving

DATA = bytes(range(256)) * 4096  # 1 MiB: several chunks
SHA = hashlib.sha256(DATA).hexdigest()
FILE = ReleaseFile(path="model.onnx", sha256=SHA, size_bytes=len(DATA))


@pytest.fixture
def place(tmp_path):
    """Return a served folder with one file of a release, and where to put it."""
    (tmp_path / "out" / "files").mkdir(parents=True)
    (tmp_path / "out" / "files" / SHA).write_bytes(DATA)
    (tmp_path / "in").mkdir()
    return tmp_path / "out", tmp_path / "in"


def test_a_broken_download_goes_on_where_it_ended(place):
    """After a cut connection the next request asks for the rest only, and the whole has its digest."""
    source, into = place
    with serving(source, break_after=[300_000]) as server:
        fetch_file(WebPlace(server.url), FILE, into)
        assert [headers.get("Range") for _, headers in server.asked] == [None, "bytes=300000-"]
    assert (into / SHA).read_bytes() == DATA
    assert [path.name for path in into.iterdir()] == [SHA]


def test_a_server_without_ranges_is_read_from_the_start(place):
    """A server that answers 200 to a Range gives the whole file: it is not put behind the first part."""
    source, into = place
    with serving(source, has_ranges=False, break_after=[300_000]) as server:
        fetch_file(WebPlace(server.url), FILE, into)
        assert len(server.asked) == 2
    assert (into / SHA).read_bytes() == DATA


def test_a_part_of_an_earlier_process_is_gone_on_with_and_hashed_again(place):
    """What an agent that was killed left is used; a wrong byte in it is found, and the next try starts anew."""
    source, into = place
    part = into / f"{SHA}.part"
    part.write_bytes(DATA[:500_000])
    with serving(source) as server:
        fetch_file(WebPlace(server.url), FILE, into)
        assert server.asked[0][1]["Range"] == "bytes=500000-"
        (into / SHA).unlink()
        part.write_bytes(b"x" + DATA[1:500_000])
        with pytest.raises(TrustError, match="sha256"):
            fetch_file(WebPlace(server.url), FILE, into)
        assert not part.exists()
        fetch_file(WebPlace(server.url), FILE, into)
    assert (into / SHA).read_bytes() == DATA


def test_a_part_longer_than_the_file_is_thrown_away(place):
    """A part that cannot be one is not cut to fit."""
    source, into = place
    (into / f"{SHA}.part").write_bytes(DATA + b"more")
    with serving(source) as server:
        fetch_file(WebPlace(server.url), FILE, into)
        assert "Range" not in server.asked[0][1]


def test_a_wrong_last_byte_is_found(place):
    """A file that differs in its last byte only does not get its name."""
    source, into = place
    (source / "files" / SHA).write_bytes(DATA[:-1] + b"x")
    with pytest.raises(TrustError, match="sha256"):
        fetch_file(FolderPlace(source), FILE, into)
    assert not list(into.iterdir())


@pytest.mark.parametrize("size", [len(DATA) - 1, len(DATA) + 1])
def test_a_file_of_another_size_is_refused_before_a_byte_is_written(place, size):
    """The server says how long it is; when that is not what the manifest says nothing is read."""
    source, into = place
    lying = ReleaseFile(path="model.onnx", sha256=SHA, size_bytes=size)
    with serving(source) as server, pytest.raises(TrustError, match="the manifest says"):
        fetch_file(WebPlace(server.url), lying, into)
    assert not list(into.iterdir())


def test_an_endless_body_is_cut_at_the_manifests_size(place):
    """A server that never ends, and does not say how long it is, fills no disk."""
    source, into = place
    with serving(source, endless=True) as server, pytest.raises(TrustError, match="longer than its manifest"):
        fetch_file(WebPlace(server.url), FILE, into)
    assert sum(path.stat().st_size for path in into.iterdir()) <= len(DATA)


def test_a_silent_server_is_given_up(place):
    """A body that begins and then stalls ends in a message, not in a hang."""
    source, into = place
    with serving(source, silent=True) as server, pytest.raises(DownloadError, match="nothing came for 0.1 s"):
        fetch_file(WebPlace(server.url, stall_s=0.1), FILE, into)


def test_a_dripping_server_is_given_up(place):
    """A byte now and then keeps no connection for ever: too few in the time of a stall are a stall."""
    source, into = place
    with serving(source, drips=True) as server, pytest.raises(DownloadError, match="bytes came in"):
        fetch_file(WebPlace(server.url, stall_s=1.0), FILE, into)


@pytest.mark.parametrize("to", ["file:///etc/passwd", "http://127.0.0.1:1/x", "/other"])
def test_a_redirect_is_not_followed(place, to):
    """Wherever a server points, into this machine's files first of all, nobody goes there."""
    source, into = place
    with serving(source, redirect=to) as server, pytest.raises(DownloadError, match="redirects are not followed"):
        fetch_file(WebPlace(server.url), FILE, into)


def test_a_link_or_pipe_in_a_folder_is_refused(place):
    """A release folder that holds a link to something else gives nothing away."""
    source, into = place
    (source / "files" / SHA).unlink()
    (source / "files" / SHA).symlink_to("/etc/passwd")
    with pytest.raises(DownloadError, match="cannot be read"):
        fetch_file(FolderPlace(source), FILE, into)


@pytest.mark.parametrize(
    ("url", "found_at"),
    [
        ("file:///etc", "/srv/desired.dsse.json"),
        ("file:///etc", "http://host/desired.dsse.json"),
        ("ftp://host/release", "http://host/desired.dsse.json"),
        ("../../etc", "/srv/desired.dsse.json"),
        ("a/%2e%2e/%2e%2e/etc", "http://host/a/desired.dsse.json"),
        ("..\\etc", "http://host/a/desired.dsse.json"),
        ("http://", "/srv/desired.dsse.json"),
        ("http://host:99999/x", "/srv/desired.dsse.json"),
        ("http://user:secret@host/x", "/srv/desired.dsse.json"),
        ("http://[::1/x", "/srv/desired.dsse.json"),
        ("http://host/x?y", "/srv/desired.dsse.json"),
    ],
)
def test_a_release_url_that_leads_elsewhere_is_refused(url, found_at):
    """Even a signed desired state cannot send a node into its own files or out of the served folder."""
    with pytest.raises(TrustError):
        place_of_release(url, found_at=found_at)


@pytest.mark.parametrize(
    ("url", "found_at", "place"),
    [
        ("releases/a", "/srv/d/desired.dsse.json", "/srv/d/releases/a"),
        ("/srv/other", "/srv/d/desired.dsse.json", "/srv/other"),
        ("releases/a", "http://host:80/d/desired.dsse.json", "http://host:80/d/releases/a/"),
        ("/etc", "http://host/d/desired.dsse.json", "http://host/etc/"),
        ("http://mirror/a", "http://host/d/desired.dsse.json", "http://mirror/a/"),
        ("https://mirror/a", "/srv/desired.dsse.json", "https://mirror/a/"),
    ],
)
def test_a_release_is_looked_for_beside_its_desired_state(url, found_at, place):
    """Relative is relative to where the desired state was found; a path of the web stays in the web."""
    assert str(place_of_release(url, found_at=found_at)) == place


@pytest.fixture(scope="module")
def publisher(tmp_path_factory):
    return Publisher(tmp_path_factory.mktemp("published"))


def test_a_whole_release_is_fetched_as_it_was_published(publisher, tmp_path):
    """Over HTTP it arrives complete, in the form that the store stages."""
    sha256 = publisher.release(1)
    with serving(publisher.out) as server:
        place = WebPlace(f"{server.url}/releases/{sha256}")
        folder = Downloads(tmp_path, reserve_mib=0).fetch(place, sha256, accept=accept_any)
    release = read_release(folder)
    assert release.sha256 == sha256
    (file,) = release.manifest.files
    assert (folder / "files" / file.sha256).stat().st_size == file.size_bytes


def test_another_release_than_the_signed_one_is_refused(publisher, tmp_path):
    """A folder that holds another manifest than the desired state names is not even asked for its files."""
    sha256 = publisher.release(2)
    with serving(publisher.out) as server:
        place = WebPlace(f"{server.url}/releases/{sha256}")
        with pytest.raises(TrustError, match="is desired"):
            Downloads(tmp_path, reserve_mib=0).fetch(place, "9" * 64, accept=accept_any)
        assert not any("/files/" in path for path, _ in server.asked)


def test_the_gate_is_asked_before_a_model_file_is_fetched(publisher, tmp_path):
    """A release that this node may not run costs two small requests."""

    def refuse(_):
        raise TrustError("no")

    sha256 = publisher.release(3)
    with serving(publisher.out) as server:
        place = WebPlace(f"{server.url}/releases/{sha256}")
        with pytest.raises(TrustError, match="no"):
            Downloads(tmp_path, reserve_mib=0).fetch(place, sha256, accept=refuse)
        assert [path.rpartition("/")[2] for path, _ in server.asked] == ["release.json", "gate.dsse.json"]


def test_a_disk_without_room_is_said_before_a_file_is_fetched(publisher, tmp_path):
    """With a reserve that the disk does not have nothing is begun, and the message has the numbers."""
    sha256 = publisher.release(4)
    place = FolderPlace(publisher.out / "releases" / sha256)
    with pytest.raises(DownloadError, match="MiB are free"):
        Downloads(tmp_path, reserve_mib=1 << 40).fetch(place, sha256, accept=accept_any)


def test_manifests_with_traversal_are_refused(publisher, tmp_path):
    """A manifest whose paths walk out is no manifest, although its digest is the signed one."""
    bad = ReleaseFile(path="../../etc/cron.d/x", sha256=SHA, size_bytes=1)
    manifest = publisher.manifest(publisher.release(5))
    sha256 = publisher.release(5, files=(*manifest.files, bad))
    place = FolderPlace(publisher.out / "releases" / sha256)
    with pytest.raises((TrustError, UsageError), match="no path below"):
        Downloads(tmp_path, reserve_mib=0).fetch(place, sha256, accept=accept_any)


def test_a_file_is_read_again_only_when_it_changed(tmp_path):
    """Replacing the file is seen, looking twice is not a change, a missing one is said."""
    path = tmp_path / "desired.dsse.json"
    watch = FileWatch(path)
    with pytest.raises(DownloadError):
        watch.look()
    path.write_bytes(b"one")
    assert (watch.look(), watch.look()) == (b"one", None)
    (tmp_path / "new").write_bytes(b"two")
    (tmp_path / "new").rename(path)
    assert (watch.look(), watch.look()) == (b"two", None)


def test_a_url_is_asked_with_its_last_etag(tmp_path):
    """An unchanged desired state costs a 304; a changed one comes whole."""
    (tmp_path / "desired.dsse.json").write_bytes(b"one")
    with serving(tmp_path) as server:
        watch = WebWatch(f"{server.url}/desired.dsse.json")
        assert (watch.look(), watch.look()) == (b"one", None)
        assert "If-None-Match" in server.asked[1][1]
        server.status = 503
        with pytest.raises(DownloadError, match="503"):
            watch.look()


def test_a_desired_state_without_end_is_cut(tmp_path):
    """A server that sends for ever in the place of a desired state is given up at the size of an envelope."""
    (tmp_path / "desired.dsse.json").write_bytes(b"one")
    with serving(tmp_path, endless=True) as server, pytest.raises(DownloadError, match="longer than"):
        WebWatch(f"{server.url}/desired.dsse.json").look()


def test_pauses_differ_by_a_fifth():
    """A fleet that started together does not ask together for ever."""
    assert [jittered(10.0, lambda x=x: x) for x in (0.0, 0.5, 1.0)] == [8.0, 10.0, 12.0]
