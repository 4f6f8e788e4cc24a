import pytest
from hypothesis import given
from hypothesis import strategies as st

from hilrig.rig.dpkg import STATUS_FILE, dpkg_versions

STATUS = """\
Package: libnvinfer10
Status: install ok installed
Priority: optional
Section: libs
Architecture: arm64
Version: 10.3.0.30-1+cuda12.5
Provides: libnvinfer
Description: TensorRT runtime libraries
 Package: this line belongs to the description
 Version: 0

Package: libnvinfer8
Status: deinstall ok config-files
Version: 8.6.2.3-1+cuda12.2

Package: half
Status: install ok half-installed
Version: 1

Package: held
Status: hold ok installed
Version: 1:2.0-1
"""


@pytest.fixture
def root(tmp_path):
    (tmp_path / STATUS_FILE).parent.mkdir(parents=True)
    return tmp_path


def test_only_what_is_installed_has_a_version(root):
    """Removed and half-installed packages are not there; a held one is; descriptions are not read."""
    (root / STATUS_FILE).write_text(STATUS)
    assert dpkg_versions(root) == {"libnvinfer10": "10.3.0.30-1+cuda12.5", "held": "1:2.0-1"}


def test_without_dpkg_nothing_is_known(tmp_path):
    """A system with another package manager has no versions."""
    assert dpkg_versions(tmp_path) == {}


@given(st.binary(max_size=200))
def test_any_bytes_give_text(tmp_path_factory, content):
    """A damaged list never raises, and what it gives is text."""
    root = tmp_path_factory.mktemp("root")
    (root / STATUS_FILE).parent.mkdir(parents=True)
    (root / STATUS_FILE).write_bytes(STATUS.encode() + content)
    for name, version in dpkg_versions(root).items():
        assert isinstance(name, str)
        assert isinstance(version, str)
