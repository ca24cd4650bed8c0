"""A real file system of a few megabytes that can be filled to the last byte."""

import os
import subprocess
from pathlib import Path
from typing import Self

PAGE = 4096


class NoMountError(Exception):
    """None can be made here; the text is the reason."""


class SmallDisk:
    """A tmpfs of so many megabytes, mounted on a folder while the `with` block lasts.

    Raises:
        NoMountError: This user, or this container, may not mount.
    """

    def __init__(self, folder: Path, megabytes: int) -> None:
        self.folder = folder
        folder.mkdir()
        words = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=700", "vestnik-test", str(folder)]
        try:
            done = subprocess.run(words, capture_output=True, text=True, check=False)
        except FileNotFoundError as error:
            raise NoMountError("there is no program mount") from error
        if done.returncode:
            raise NoMountError(f"no file system can be mounted here: {done.stderr.strip()}")
        self._filler = os.open(folder / "filler", os.O_CREAT | os.O_RDWR)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._filler)
        subprocess.run(["umount", "--lazy", str(self.folder)], check=True)

    def fill(self) -> None:
        """Leave no room."""
        size = os.fstat(self._filler).st_size
        try:
            while True:
                size += os.pwrite(self._filler, bytes(PAGE), size)
        except OSError:
            pass

    def clear(self) -> None:
        """Make room again."""
        os.ftruncate(self._filler, 0)
