"""The 64-byte frame record as its writers pack it into the ring: see `hilrig.core.frame.FRAME_DTYPE`.

A free place in the ring is all zero, so a writer only stores what it knows; the outcome, a byte, is stored last.
"""

import struct
from typing import Final

from hilrig.core.frame import FRAME_DTYPE

RECORD_BYTES: Final = FRAME_DTYPE.itemsize

RELEASE: Final = struct.Struct("<IBBBBqq")  # frame_id, outcome, reason, camera_id, flags, t_intended, t_release
HEAD: Final = struct.Struct("<IBxxB")  # frame_id, outcome, flags

OUTCOME_AT: Final = 4
REASON_AT: Final = 5

COMPLETION: Final = struct.Struct("<qqqqIf")  # t_dequeue to t_decided, defects, score
COMPLETION_AT: Final = 24
