"""The 64-byte frame record as its writers pack it into the ring: see `hilrig.core.frame.FRAME_DTYPE`."""

import struct
from typing import Final

from hilrig.core.frame import FRAME_DTYPE

RECORD_BYTES: Final = FRAME_DTYPE.itemsize

RELEASE: Final = struct.Struct("<IBBBBqqqqqqIf")  # a whole record, so that nothing of an older one is left in it
NOT_YET: Final = (0, 0, 0, 0, 0, 0.0)  # stages and result

HEAD: Final = struct.Struct("<IBBBB")  # frame_id, outcome, reason, camera_id, flags

OUTCOME: Final = struct.Struct("<BB")  # outcome, reason
OUTCOME_AT: Final = 4

COMPLETION: Final = struct.Struct("<qqqqIf")  # t_dequeue to t_decided, defects, score
COMPLETION_AT: Final = 24
