"""hilrig.target.damaged_copy: a folder with one torn model file, the original untouched."""

from hilrig.target.damaged_copy import damaged_copy
from small_models import spec_for


def test_the_last_file_is_torn_and_everything_else_is_there(tmp_path):
    """The weights' second half is zeros at the right length; graph and neighbours read as before."""
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "graph.onnx").write_bytes(b"graph")
    (tmp_path / "model" / "weights.bin").write_bytes(b"12345")
    (tmp_path / "pipeline.py").write_text("pass")
    with damaged_copy(tmp_path, spec_for("model/graph.onnx", "model/weights.bin")) as copy:
        assert (copy / "model" / "weights.bin").read_bytes() == b"12\0\0\0"
        assert (copy / "model" / "graph.onnx").read_bytes() == b"graph"
        assert (copy / "pipeline.py").read_text() == "pass"
    assert (tmp_path / "model" / "weights.bin").read_bytes() == b"12345"
    assert not copy.exists()


def test_a_graph_that_stands_alone_is_torn_itself(tmp_path):
    """One file: it is the one."""
    (tmp_path / "model.onnx").write_bytes(b"abcd")
    with damaged_copy(tmp_path, spec_for("model.onnx")) as copy:
        assert (copy / "model.onnx").read_bytes() == b"ab\0\0"
