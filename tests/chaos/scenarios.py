"""Every scenario, in one table."""

from collections.abc import Sequence
from typing import Final

from chaos.both import BOTH
from chaos.clocks import CLOCK
from chaos.full_disks import DISK
from chaos.gates import GATE
from chaos.kills import KILL
from chaos.nodes import NODE
from chaos.papers import PAPER
from chaos.profile_lies import PROFILE
from chaos.pulled import PULL
from chaos.record_lies import RECORD
from chaos.round import Scenario

SCENARIOS: Final[Sequence[Scenario]] = (KILL, PULL, DISK, CLOCK, BOTH, NODE, GATE, PROFILE, RECORD, PAPER)
