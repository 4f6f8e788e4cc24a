from hilrig.cli.exits import exit_codes
from hilrig.core.exits import ExitCode
from reference.cli_tree import commands
from reference.reachable_exits import possible_exits, raised_exits

COMMANDS = {command.path: command.built.callback for command in commands() if not command.is_group}
ALWAYS = {ExitCode.OK, ExitCode.USAGE}

_ROW = {ExitCode.RIG_BUSY, ExitCode.RIG_UNREACHABLE}
_STAGED = {ExitCode.NO_REPORT, ExitCode.TRUST}
_UNDER_TEST = {ExitCode.NO_REPORT, ExitCode.STORE_UNSAFE}
HANDLED = {
    **dict.fromkeys(
        ("demo", "run", "compare", "powerloss"), _UNDER_TEST
    ),  # of the store whose power is cut: a finding
    "serve": {ExitCode.ABORTED, *_ROW, *_UNDER_TEST},  # of the runs that its page starts, shown there
    "doctor": {ExitCode.TRUST},  # a row of the table says it
    "triage": {ExitCode.TRUST, ExitCode.EXPIRED},  # a step's status says it
    "rigs list": {*_ROW, ExitCode.PRECONDITION},  # the rig's row says it
    "rigs show": {*_ROW, ExitCode.PRECONDITION},  # the same
    "rigs virtual status": {ExitCode.RIG_UNREACHABLE},  # the rig's row says it
    "node init": {ExitCode.NO_REPORT},  # of the store's class, which stages releases as well
    **dict.fromkeys(("node confirm", "node rollback", "node collect"), _STAGED),  # the same
    "node status": _STAGED,  # why a release is not safe: 40
    "node serve": {*_STAGED, ExitCode.EXPIRED, ExitCode.WRONG_CLASS},  # why none is: 40
}
"""Errors below a command that end in what it shows, not in its exit code."""


def test_every_command_states_its_exit_codes():
    """0 and 2 are always among them, each code is stated once, and none is stated of a command that is gone."""
    for path in COMMANDS:
        codes = exit_codes(path)
        assert set(codes) >= ALWAYS
        assert list(codes) == sorted(set(codes))


def test_no_error_is_left_out():
    """An error that can be raised below a command has its exit code among the command's, or is handled there."""
    for path, command in COMMANDS.items():
        raised = raised_exits(command)
        left_out = {code: place for code, place in raised.items() if code not in exit_codes(path)}
        assert set(left_out) == HANDLED.get(path, set()), (path, left_out)


def test_no_exit_code_is_made_up():
    """For each code that a command states there is a place below it that gives it."""
    for path, command in COMMANDS.items():
        assert set(exit_codes(path)) - ALWAYS <= set(possible_exits(command)), path


def test_a_code_is_found_where_it_is_raised():
    """The search sees through calls: an unsigned run is refused by what `hilrig verify` calls, not by itself."""
    raised = raised_exits(COMMANDS["verify"])
    assert raised[ExitCode.TRUST].module.startswith(("hilrig.attest", "hilrig.app.finished"))
    assert ExitCode.STORE_UNSAFE not in raised
    assert set(raised_exits(COMMANDS["baseline unset"])) <= {ExitCode.USAGE}
