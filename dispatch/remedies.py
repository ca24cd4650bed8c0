"""What to do about each thing the doctor finds, in plain words, and the setting it is about."""

import tomllib
from collections.abc import Mapping
from importlib import resources

_READ = tomllib.loads((resources.files("dispatch") / "remedies.toml").read_text("utf-8"))
REMEDIES: dict[str, dict[str, str]] = {key: {"ru": entry["ru"], "en": entry["en"]} for key, entry in _READ.items()}
"""By key and language; names in braces stand for what the step found."""
FIELDS: dict[str, str] = {key: entry["field"] for key, entry in _READ.items()}
"""The setting each is about, unless the step says otherwise."""


class _Unknown(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return "?"


def field_of(remedy: str) -> str:
    """The setting a remedy is about."""
    return FIELDS[remedy]


def advice(remedy: str, language: str, params: Mapping[str, str]) -> str:
    """What to do, in a language; empty without a remedy."""
    texts = REMEDIES.get(remedy)
    if texts is None:
        return ""
    return texts.get(language, texts["en"]).format_map(_Unknown(params))
