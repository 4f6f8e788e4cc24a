"""The release script in a clone of its own: a tag when everything held, else one sentence."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

pytestmark = pytest.mark.waiting

ROOT = Path(__file__).parents[2]
WHO = ("-c", "user.name=Test", "-c", "user.email=test@example.invalid", "-c", "commit.gpgsign=false")
VERSION = "9.9.9"
TAG = f"v{VERSION}"
HEADING = f"## {VERSION} - 2026-11-22\n"
ONE_TEST = "tests/unit/core/test_core_canonical.py"


@dataclass(frozen=True, kw_only=True)
class Clone:
    """A repository with one commit: this working tree."""

    folder: Path

    def git(self, *words: str) -> str:
        """Run git in it."""
        done = subprocess.run(["git", *WHO, *words], cwd=self.folder, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    def commit(self) -> None:
        """Commit everything that is there."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", "all of it")

    def edit(self, name: str, before: str, after: str) -> None:
        """Replace a text that is in a file exactly once."""
        text = (self.folder / name).read_text()
        assert text.count(before) == 1
        (self.folder / name).write_text(text.replace(before, after))

    def release(self, *pytest_arguments: str) -> "subprocess.CompletedProcess[str]":
        """Call the script as its owner does, with few tests."""
        who = {"GIT_CONFIG_COUNT": "2", "GIT_CONFIG_KEY_0": "user.name", "GIT_CONFIG_VALUE_0": "Test"}
        who |= {"GIT_CONFIG_KEY_1": "user.email", "GIT_CONFIG_VALUE_1": "test@example.invalid"}
        few = {
            "RELEASE_PYTEST": " ".join(("-q", "-p", "no:cacheprovider", *pytest_arguments)),
            "PYTHON": sys.executable,
        }
        return subprocess.run(
            [self.folder / ".ci" / "release"],
            env={**os.environ, **who, **few},
            capture_output=True,
            text=True,
            timeout=900,
            check=False,
        )

    def refuses(self, *pytest_arguments: str) -> str:
        """Return the one sentence of a release that ends without a tag of its own."""
        before = self.git("tag")
        done = self.release(*pytest_arguments)
        assert done.returncode == 1, done.stdout
        assert self.git("tag") == before
        assert not (self.folder / "dist" / "SHA256SUMS").exists()
        (sentence,) = done.stderr.splitlines()
        assert sentence.endswith("; there is no tag")
        return sentence.removeprefix("error: ").removesuffix("; there is no tag")


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    """Return a clone of the working tree, what is not committed yet included, about to be released as VERSION."""
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("no git here, or no repository: install git, clone hilrig")
    made = Clone(folder=tmp_path / "clone")
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\0")
    for name in names:
        if name and (ROOT / name).is_file():
            (made.folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, made.folder / name)
    shutil.copytree(ROOT / "hilrig" / "report" / "vendor", made.folder / "hilrig" / "report" / "vendor")
    version = re.search('^version = ".*"$', (made.folder / "pyproject.toml").read_text(), re.MULTILINE)
    made.edit("pyproject.toml", version[0], f'version = "{VERSION}"')
    made.edit("CHANGELOG.md", "## Unreleased\n", f"## Unreleased\n\n{HEADING}### Added\n- A change.\n")
    made.git("init", "--quiet")
    made.commit()
    return made


def dirty(clone: Clone) -> str:
    """A file that is in no commit."""
    (clone.folder / "hilrig" / "forgotten.py").touch()
    return "the tree is not clean: commit or remove what `git status` shows"


def no_section(clone: Clone) -> str:
    """A version that the changelog does not know."""
    clone.edit("CHANGELOG.md", HEADING, "")
    clone.commit()
    return f'CHANGELOG.md has nothing under "## {VERSION} - YEAR-MONTH-DAY"'


def empty_section(clone: Clone) -> str:
    """A heading with nothing under it but the next one."""
    clone.edit("CHANGELOG.md", f"{HEADING}### Added\n- A change.\n", f"{HEADING}## 9.9.8 - 2026-11-22\n")
    clone.commit()
    return f'CHANGELOG.md has nothing under "## {VERSION} - YEAR-MONTH-DAY"'


def tagged_before(clone: Clone) -> str:
    """A version that was released already."""
    clone.git("tag", TAG)
    return f"the tag {TAG} is there already"


@pytest.mark.parametrize("plant", [dirty, no_section, empty_section, tagged_before])
def test_what_is_not_ready_is_refused_at_once(clone: Clone, plant: Callable[[Clone], str]):
    """Before anything is built: there is no dist, no tag, one sentence that says why."""
    reason = plant(clone)
    assert clone.refuses() == reason
    assert not (clone.folder / "dist").exists()


@pytest.mark.nightly
@pytest.mark.timeout(900)
def test_a_release_is_the_wheel_that_was_tested(clone: Clone):
    """The tag is on the commit; it names the digest of the one wheel, which the tests and a run have used."""
    done = clone.release(ONE_TEST)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    assert "site-packages/hilrig/__init__.py" in done.stdout
    assert clone.git("cat-file", "-t", TAG) == "tag"
    assert clone.git("rev-parse", TAG + "^{commit}") == clone.git("rev-parse", "HEAD")
    sums = (clone.folder / "dist" / "SHA256SUMS").read_text()
    assert sums.strip() in clone.git("tag", "--list", "--format=%(contents)")
    subprocess.run(["sha256sum", "--check", "--strict", "SHA256SUMS"], cwd=clone.folder / "dist", check=True)
    assert clone.git("status", "--porcelain") == ""


@pytest.mark.nightly
@pytest.mark.timeout(900)
def test_a_test_that_fails_against_the_wheel_stops_it(clone: Clone):
    """It is green in the checkout and red without it: what it needs is in no wheel."""
    planted = clone.folder / "tests" / "unit" / "core" / "test_planted.py"
    beside = "Path(hilrig.__file__).parents[1] / 'pyproject.toml'"
    planted.write_text(
        f"from pathlib import Path\n\nimport hilrig\n\n\ndef test_a():\n    assert ({beside}).exists()\n"
    )
    clone.commit()
    there = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(planted)]
    assert subprocess.run(there, cwd=clone.folder, check=False, capture_output=True).returncode == 0
    wheel = f"hilrig-{VERSION}-py3-none-any.whl"
    assert clone.refuses(str(planted.relative_to(clone.folder))) == f"a test failed against {wheel}"


@pytest.mark.nightly
@pytest.mark.timeout(900)
def test_a_verifier_that_overlooks_a_flipped_bit_stops_it(clone: Clone):
    """A hilrig that takes everything for verified is never tagged, however green its tests."""
    clone.edit("hilrig/core/exits.py", "TRUST = 30", "TRUST = 0")
    clone.commit()
    assert clone.refuses(ONE_TEST) == "after one flipped bit `hilrig verify` exits with 0, not with 30"
