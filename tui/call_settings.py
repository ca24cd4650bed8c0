"""How an operator wants to be called: a file of the operator's own, beside the settings of other programs.

It is not in the store, because it says nothing of the desk: which sequence a terminal understands is a matter of the
terminal, and who wants to be called for what is nobody else's. In the store each change would be a change of the
settings, which dispatchers read anew and the audit keeps, and it would be filed under the name of an account that
several people may share on one host and that one person may lack on another. The file is read by consoles that may not
write to the store, too.
"""

import json
import os
import tempfile
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, cast

from store.errors import SettingsError
from tui.caller import Way
from tui.terminal import Desktop

LEAST_S, MOST_S = 5, 3600
MAX_BYTES = 100_000
"""Of a file that is larger nothing is believed."""


@dataclass(frozen=True, slots=True)
class CallSettings:
    """What one is called for, and how; as it comes, for nothing.

    Attributes:
        bell: Kinds of `store.news.Kind`, or saved filters (`filter:NAME`), for which the terminal rings.
        title: Those that are told in the title of the window.
        desktop: Those for which the desktop shows a notification.
        kind: By which sequence.
        tmux: Whether tmux hands it on (its option `allow-passthrough`).
        every_s: Seconds between two calls at least.
        address: Whose notifications are mine; empty: of the person whose login is that of the system's user.
    """

    bell: tuple[str, ...] = ()
    title: tuple[str, ...] = ()
    desktop: tuple[str, ...] = ()
    kind: Desktop = Desktop.OSC9
    tmux: bool = False
    every_s: int = 30
    address: str = ""

    @property
    def wishes(self) -> dict[Way, tuple[str, ...]]:
        """For each way, what it is wished for."""
        return {Way.BELL: self.bell, Way.TITLE: self.title, Way.DESKTOP: self.desktop}

    @property
    def wanted(self) -> frozenset[str]:
        """All that is to be looked for."""
        return frozenset(self.bell + self.title + self.desktop)


def settings_file() -> Path:
    """Where they are kept."""
    from platformdirs import user_config_path

    return user_config_path() / "vestnik" / "calls.json"


def load_settings(file: Path) -> CallSettings:
    """Read them; where there is no file, as they come.

    Raises:
        SettingsError: The file cannot be read, or something in it makes no sense.
    """
    try:
        text = file.read_bytes()[:MAX_BYTES]
    except FileNotFoundError:
        return CallSettings()
    except OSError as error:
        raise SettingsError("", f"{file}: {error.strerror}") from error
    try:
        return _settings(json.loads(text))
    except (ValueError, TypeError, RecursionError) as error:
        raise SettingsError("", f"{file}: {error}") from error


def save_settings(file: Path, settings: CallSettings) -> None:
    """Keep them: all or nothing, and for the operator's eyes only.

    Raises:
        SettingsError: The file cannot be written.
    """
    text = json.dumps(asdict(settings), ensure_ascii=False, indent=2)
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, new = tempfile.mkstemp(dir=file.parent, prefix=file.name)  # 0600
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as stream:
                stream.write(f"{text}\n")
            Path(new).replace(file)
        except OSError:
            Path(new).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise SettingsError("", f"{file}: {error.strerror}") from error


def _settings(document: Any) -> CallSettings:
    """What a document says; what it does not know is left as it comes."""
    if not isinstance(document, dict):
        raise TypeError("it is no object")
    given = cast("dict[str, Any]", document)
    known = {one.name: given[one.name] for one in fields(CallSettings) if one.name in given}
    for way in Way:
        if way in known:
            known[way] = tuple(dict.fromkeys(map(str, known[way])))
    settings = replace(CallSettings(), **known)
    if type(settings.every_s) is not int or not LEAST_S <= settings.every_s <= MOST_S:
        raise ValueError(f"every_s: from {LEAST_S} to {MOST_S}")
    return replace(settings, kind=Desktop(settings.kind), tmux=settings.tmux is True, address=str(settings.address))
