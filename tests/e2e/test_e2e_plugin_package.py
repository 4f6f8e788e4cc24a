"""The package that CONTRIBUTING.md shows: written from the page, installed, run; what is said of a broken one."""

import hashlib
import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

import hilrig
from plugin_packages import ROOT, blocks, files, install, make_environment, write_package, write_page_package

pytestmark = [pytest.mark.waiting, pytest.mark.long]  # short: test_core_plugins, test_core_registry

LINES_MAX = 10
USAGE = 2
INCONCLUSIVE = 11
N_FRAMES = 8

PROFILE = """\
format: 1
name: ramp-station
device_class: [x86-cpu, arm64-cpu]
model:
  files: [weights.npy]
  input: {name: image, shape: [1, 3, 64, 64]}
  output: {name: scores}
  labels: [hot]
pipeline:
  preprocess: {width_px: 64, height_px: 64, color_order: bgr, scale: 0.00392156862745098,
    mean: [0, 0, 0], std: [1, 1, 1], layout: nchw, dtype: float32}
  backend: {name: linear}
  decide: {thresholds: {hot: 0.55}}
feed: {source: ramp, pool_frames: 8}
queue: {depth: 200, on_full: drop_oldest}
run: {samplers: [load], warmup_s: 0.2, self_test_s: 0.2, stop_when_failed: false}
hil_validation:
  latency: {p99_max_ms: 1000, decision_gap_max_ms: 30000, duration_minutes: 0.025, frame_rate_fps: 100}
"""
"""A second and a half, too few frames for a p99: INCONCLUSIVE by rule, whatever the machine does meanwhile; all of
them fit into the queue."""

BROKEN = {
    "feed": ("hilrig.feeds", "tilt", "import acme_cameras\n"),
    "backend": ("hilrig.backends", "half", "class Half:\n    def load(self):\n        return {}\n"),
    "sampler": ("hilrig.samplers", "host", "class Taken:\n    pass\n"),
}
"""Part -> entry-point group, name, source: cannot be imported, lacks methods, takes a name of hilrig's."""


@dataclass
class Lab:
    """A folder with an environment of its own, a station and two rigs; the page's package is installed there."""

    folder: Path
    python: Path

    def call(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run hilrig, or another module, to its end."""
        return subprocess.run(
            [str(self.python), "-m", *arguments],
            cwd=self.folder,
            env=os.environ | {"HILRIG_HOME": str(self.folder / "home"), "NO_COLOR": "1"},
            capture_output=True,
            text=True,
            timeout=170,
            check=False,
        )

    def write_rig(self, rigs: str, *, python: str | Path) -> None:
        """Write the page's rig file into a folder; its program leads to a folder of this machine.

        A run there is no run of this machine: it does not wait for those of other tests.
        """
        home = self.folder / "home-of-line3"
        home.mkdir(exist_ok=True)
        shown = files()["rigs/line3.yaml"]
        assert "[docker, exec, -i, line3]" in shown
        program = f"[env, '--chdir={home}', 'HOME={home}', 'HILRIG_LOCK_FOLDER={home}']"
        text = shown.replace("[docker, exec, -i, line3]", program)
        (self.folder / rigs).mkdir()
        (self.folder / rigs / "line3.yaml").write_text(f"{text}python: {python}\n")


@pytest.fixture(scope="module")
def lab(tmp_path_factory) -> Lab:
    """Return a lab; building it takes longer than to look at it."""
    folder = tmp_path_factory.mktemp("lab")
    lab = Lab(folder, make_environment(folder / "env"))
    install(lab.python, write_page_package(folder / "package"))
    (folder / "station").mkdir()
    (folder / "station" / "profile.yaml").write_text(PROFILE)
    np.save(folder / "station" / "weights.npy", np.full((1, 3 * 64 * 64), 1 / (3 * 64 * 64), np.float32))
    lab.write_rig("rigs", python=lab.python)
    lab.write_rig("rigs-without", python=sys.executable)
    return lab


@pytest.fixture(scope="module")
def enrolled(lab) -> Lab:
    """Return the lab; the rig's key is accepted there."""
    called = lab.call("hilrig", "rigs", "enroll", "line3")
    assert called.returncode == 0, called
    return lab


@pytest.fixture(scope="module")
def run_dir(enrolled) -> Path:
    """Return the directory of a run on the rig whose transport, feed, backend and sampler are plug-ins."""
    called = enrolled.call("hilrig", "run", "station", "--rig", "line3")
    assert called.returncode == INCONCLUSIVE, called
    (found,) = (path for path in (enrolled.folder / "reports").iterdir() if path.is_dir())
    return found


@pytest.fixture(scope="module")
def run(run_dir):
    """Return that run, read where the package is not installed: a record needs no plug-in."""
    return hilrig.load(run_dir)


def test_each_block_of_the_page_is_at_most_ten_lines():
    """What a contributor writes for one part fits into ten lines, blank ones aside; all parts are there."""
    lengths = [sum(bool(line.strip()) for line in block.splitlines()) for block in blocks()]
    assert max(lengths) <= LINES_MAX
    assert {Path(name).stem for name in files()} >= {
        "feed",
        "backend",
        "sampler",
        "sink",
        "transport",
        "power",
        "line3",
    }


def test_the_schema_offers_the_names(lab):
    """An editor that reads `hilrig schema` knows what is installed here."""
    offered = json.loads(lab.call("hilrig", "schema").stdout)["$defs"]
    assert "ramp" in offered["FeedKeys"]["properties"]["source"]["examples"]
    assert "linear" in offered["BackendKeys"]["properties"]["name"]["examples"]
    assert "load" in offered["RunKeys"]["properties"]["samplers"]["items"]["examples"]


def test_the_profile_is_sound(lab):
    """Its names are known here, its feed, model and samplers answer."""
    checked = lab.call("hilrig", "check", "station", "--json")
    assert json.loads(checked.stdout)["runs_here"] is True, checked


def test_the_feeds_frames_were_decided_by_the_backend(run, run_dir):
    """Every measured frame has the decision that the plug-in's matrix gives for the plug-in's frame."""
    pool = json.loads((run_dir / "feed.json").read_text())
    first = np.broadcast_to(np.arange(64, dtype=np.uint8)[:, None, None], (64, 64, 3))
    assert pool[0]["sha256"] == hashlib.sha256(first.tobytes()).hexdigest()
    assert [frame["labels"] for frame in pool] == [[]] * 6 + [["hot"]] * 2
    index = run.frames["frame_id"] % N_FRAMES
    assert len(index) > N_FRAMES
    assert set(run.frames["outcome"]) == {"decided"}
    assert (run.frames["score"] - (31.5 + 20 * index) / 255).abs().max() < 0.01  # the matrix takes the mean
    assert ((run.frames["found"] == "hot") == (index >= 6)).all()
    assert (run.frames["found"].astype(str) == run.frames["truth"].astype(str)).all()


def test_the_samplers_channel_has_readings(run):
    """What the plug-in read is in the telemetry, with the rest."""
    readings = run.telemetry["acme.load [1]"].dropna()
    assert len(readings) > 5
    assert (readings >= 0).all()


def test_the_record_names_the_package(run_dir):
    """The rig's stack has the package's version: another one is another stack."""
    assert json.loads((run_dir / "rig.json").read_text())["facts"]["packages"]["acme-hilrig"] == "1.0"


def test_the_view_says_the_verdict(enrolled, run_dir):
    """`hilrig report --view` writes what the plug-in renders of the result."""
    key = next((enrolled.folder / "home-of-line3").rglob("*.pub"))
    called = enrolled.call("hilrig", "report", str(run_dir), "--key", str(key), "--to", "p.html", "--view", "line")
    assert called.returncode == 0, called
    judgement = json.loads((run_dir / "result.json").read_bytes())["judgement"]
    assert (enrolled.folder / "verdict.txt").read_text() == f"INCONCLUSIVE  {judgement['sentence']}\n"


def test_the_power_is_switched_by_the_plug_in(lab):
    """`hilrig rigs power` does what the page's ten lines say."""
    (lab.folder / "rigs" / "relay").write_text("0")
    switched = lab.call("hilrig", "rigs", "power", "line3", "on", "--json")
    assert json.loads(switched.stdout) == {"name": "line3", "power": "on"}
    assert (lab.folder / "rigs" / "relay").read_text() == "1"


def test_a_rig_without_the_package_refuses_in_its_own_words(enrolled):
    """Nothing is started there: the names that its Python does not know are said."""
    asked = ("--rigs", "rigs-without", "--reports", "none")
    called = enrolled.call("hilrig", "run", "station", "--rig", "line3", *asked)
    assert called.returncode == USAGE, called
    for words in ("unknown feed 'ramp'", "unknown backend 'linear'", "unknown sampler 'load'"):
        assert words in called.stderr
    assert not list((enrolled.folder / "none").glob("*"))


def test_the_contract_tests_ask_the_plug_ins(lab):
    """What hilrig asks of its own parts is asked of the page's, and holds."""
    asked = ["test_feed_contract", "test_backend_contract", "test_sampler_contract", "test_transport_contract"]
    tests = [str(ROOT / "tests" / "contract" / f"{name}.py") for name in asked]
    named = {"HILRIG_CONTRACT_PROFILE": "station", "HILRIG_CONTRACT_RIG": "rigs/line3.yaml"}
    command = [str(lab.python), "-m", "pytest", "-v", "-p", "no:cacheprovider", f"--rootdir={ROOT}", *tests]
    done = subprocess.run(
        [*command, "-c", str(ROOT / "pyproject.toml"), "-k", "ramp or linear or load or through"],
        cwd=lab.folder,
        env=os.environ | named,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert "skipped" not in done.stdout
    assert all(re.search(rf"\[(\S+-)?{name}\b", done.stdout) for name in ("ramp", "linear", "load", "through"))


@pytest.fixture(scope="module")
def broken(tmp_path_factory) -> Lab:
    """Return an environment with a package each of whose parts has a mistake."""
    folder = tmp_path_factory.mktemp("broken")
    points = "".join(
        f'"{group}" = {{ {name} = "acme_broken.{part}:Half" }}\n' for part, (group, name, _) in BROKEN.items()
    )
    sources = {f"acme_broken/{part}.py": source for part, (_, _, source) in BROKEN.items()}
    build = '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
    project = f'[project]\nname = "acme-broken"\nversion = "2"\n[project.entry-points]\n{points}'
    lab = Lab(folder, make_environment(folder / "env"))
    install(
        lab.python,
        write_package(folder / "package", "acme_broken", {**sources, "pyproject.toml": project + build}),
    )
    (folder / "station").mkdir()
    (folder / "station" / "weights.npy").write_bytes(b"0")
    profile = PROFILE.replace("source: ramp", "source: tilt").replace("name: linear", "name: half")
    (folder / "station" / "profile.yaml").write_text(profile.replace("samplers: [load]", "samplers: [host]"))
    return lab


def test_what_is_wrong_with_a_package_is_said_once_and_names_it(broken):
    """A missing module, a missing method, a name that hilrig has: each at its place in the profile."""
    called = broken.call("hilrig", "check", "station")
    assert called.returncode == USAGE, called
    assert called.stderr.count("acme-broken 2") == len(BROKEN)
    for words in (
        "profile.yaml:12:19: backend 'half' of the package acme-broken 2 lacks close, infer, input",
        "profile.yaml:14:16: feed 'tilt' of the package acme-broken 2 needs the module acme_cameras",
        "profile.yaml:16:18: the package acme-broken 2 takes the sampler name 'host', which hilrig itself has",
    ):
        assert words in called.stderr
    assert "Traceback" not in called.stderr
