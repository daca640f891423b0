"""What a crash left in a log, read and explained: whether a second libc killed the process, how sure, and by which way.

``read_crashes`` finds crashes in the bytes of a log, ``diagnose`` explains one of them, ``check`` holds the explanation
against an image's facts. Pure: the bytes and the facts are handed in.
"""

from inspector.crashlog.checking import check
from inspector.crashlog.crash import Crash, Diagnosis, Explanation, Frame, GoRelease, Goroutine, ImageCheck, Sureness
from inspector.crashlog.diagnosis import diagnose
from inspector.crashlog.reading import read_crashes

__all__ = [
    "Crash",
    "Diagnosis",
    "Explanation",
    "Frame",
    "GoRelease",
    "Goroutine",
    "ImageCheck",
    "Sureness",
    "check",
    "diagnose",
    "read_crashes",
]
