"""What a command line or a shell's text starts, and what it changes first of what a resolver reads. Read, never run.

Where that cannot be told (``eval``, a file that is sourced by a variable, an emptied environment), every variable of
the resolver's counts as changed: what is not known is not taken for unchanged.
"""

from inspector.commands.effects import Effects, effects_of_text, effects_of_words
from inspector.commands.words import (
    SHELLS,
    is_ordinary,
    login_text,
    names_foreign_variables,
    program_of,
    shell_arguments,
    skip_wrappers,
    unwrap,
)
from inspector.commands.written import WRITTEN_FILES, mentioned_files

__all__ = [
    "SHELLS",
    "WRITTEN_FILES",
    "Effects",
    "effects_of_text",
    "effects_of_words",
    "is_ordinary",
    "login_text",
    "mentioned_files",
    "names_foreign_variables",
    "program_of",
    "shell_arguments",
    "skip_wrappers",
    "unwrap",
]
