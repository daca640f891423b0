"""The bytes of one ELF file to facts: linkage, libc, Go build, exposures. Pure: nothing here opens a file."""

from inspector.binaries.elf import MAGIC, Data
from inspector.binaries.examination import examine

__all__ = ["MAGIC", "Data", "examine"]
