"""What a command may write, and how: outputs that are petmood's own, replaced whole, never anything of the user's."""

from __future__ import annotations

from petmood.files.outputs import (
    check_output,
    claimed_folder,
    claimed_output,
    output_file,
    output_files,
    output_folder,
    settle,
)
from petmood.files.owned import is_record, remove_owned, write_owned
