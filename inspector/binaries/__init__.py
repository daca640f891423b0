"""The bytes of one ELF file to facts: linkage, libc, Go build, exposures. Pure: nothing here opens a file."""

from inspector.binaries.elf import MAGIC, Data
from inspector.binaries.examination import examine
from inspector.binaries.ldcache import cached_paths
from inspector.binaries.libraries import library_kind

__all__ = ["MAGIC", "Data", "cached_paths", "examine", "library_kind"]
