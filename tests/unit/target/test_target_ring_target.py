"""hilrig.target.ring_target: what is wrong with the command is said before the run."""

import hashlib
import sys

import pytest
from pydantic import TypeAdapter, ValidationError

from builders import make_plan
from hilrig.core import registry
from hilrig.core.errors import PreconditionError
from hilrig.core.frame import Outcome
from hilrig.core.profile import ModelSpec, PipelineSpec
from hilrig.target.ring_target import RingOptions, RingTarget

MODEL = ModelSpec(
    files=(), bundle_sha256=None, input_name="", input_shape=(), output_name="", labels=("porosity", "crack")
)


def target(folder, *command):
    pipeline = PipelineSpec(
        target="ring",
        target_options={"command": command},
        preprocess=None,
        backend=None,
        decide=make_plan().pipeline.decide,
    )
    return RingTarget(pipeline, MODEL, folder)


def program(folder, *, mode=0o755):
    path = folder / "app"
    path.write_text("#!/bin/sh\n")
    path.chmod(mode)
    return path


def test_the_program_and_the_files_it_is_given_are_hashed(tmp_path):
    """What is measured is on record: program, script and configuration, by their digests."""
    path = program(tmp_path)
    (tmp_path / "net.cfg").write_text("layers: 9\n")
    facts = target(tmp_path, "./app", "--config", "net.cfg").prepare()
    assert facts["command"] == ["./app", "--config", "net.cfg"]
    assert facts["command_sha256"] == {
        "./app": hashlib.sha256(path.read_bytes()).hexdigest(),
        "net.cfg": hashlib.sha256(b"layers: 9\n").hexdigest(),
    }


def test_a_program_without_a_slash_is_looked_for_on_path(tmp_path, monkeypatch):
    """As a shell does: never in the current folder."""
    program(tmp_path)
    monkeypatch.chdir(tmp_path)
    assert target(tmp_path, "sh").prepare()["command_sha256"].keys() == {"sh"}
    with pytest.raises(PreconditionError, match="'app' is not on PATH") as caught:
        target(tmp_path, "app").prepare()
    assert "./app" in caught.value.hint


@pytest.mark.parametrize(
    ("command", "words"),
    [("./gone", "there is no program"), ("./app", "is not executable"), ("./", "there is no program")],
)
def test_a_program_that_cannot_start_is_refused(tmp_path, command, words):
    """Named with its whole path, and with what to do."""
    program(tmp_path, mode=0o644)
    with pytest.raises(PreconditionError, match=words) as caught:
        target(tmp_path, command).prepare()
    assert str(tmp_path) in caught.value.message
    assert caught.value.hint


def test_an_argument_of_any_length_is_no_file(tmp_path):
    """A long argument is passed on, not looked up."""
    program(tmp_path)
    assert target(tmp_path, "./app", "x" * 5000).prepare()["command_sha256"].keys() == {"./app"}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ('{"command": []}', "must name a program"),
        ('{"command": [""]}', "must name a program"),
        ('{"command": "./app"}', "valid"),
        ('{"command": ["./app", 3]}', "valid string"),
        ('{"command": ["a\\u0000b"]}', "zero byte"),
        ('{"command": ["./app"], "max_in_flight": 0}', "within 1 to 64, found 0"),
        ('{"command": ["./app"], "max_in_flight": 65}', "within 1 to 64, found 65"),
        ('{"command": ["./app"], "answer_timeout_ms": 10001}', "within 1 to 10000, found 10001"),
        ('{"command": ["./app"], "ready_timeout_s": 0}', "over 0, at most 540, found 0"),
        ('{"command": ["./app"], "ready_timeout_s": 541}', "over 0, at most 540, found 541"),
        ('{"command": ["./app"], "shell": true}', "shell"),
        ("{}", "command"),
    ],
)
def test_impossible_options_are_refused(options, words):
    """Each with the option's name and what is allowed."""
    with pytest.raises(ValidationError, match=words):
        TypeAdapter(RingOptions).validate_json(options, strict=True)


def test_a_frame_given_to_the_check_is_a_failed_frame(tmp_path):
    """Without a process there is no decision, and no exception either."""
    assert target(tmp_path, sys.executable).process(None).outcome is Outcome.FAILED


def test_the_target_is_registered():
    """`pipeline: {target: ring}` finds it."""
    assert registry.load("targets", "ring") is RingTarget
