"""What is installed, and what each package draws in."""

import importlib.metadata
import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize("name", ["tui", "store", "dispatch"])
def test_our_import_names_are_ours_alone(name: str) -> None:
    # An editable installation lists no packages of its own: nobody else may list them either.
    assert set(importlib.metadata.packages_distributions().get(name, ())) <= {"vestnik"}
    found = importlib.util.find_spec(name)
    assert found is not None
    assert Path(str(found.origin)).parent == ROOT / name


@pytest.mark.parametrize("package", ["store", "dispatch"])
def test_a_package_without_a_screen_loads_no_library_that_draws(package: str) -> None:
    program = (
        "import importlib, pkgutil, sys\n"
        f"import {package}\n"
        f"for found in pkgutil.walk_packages({package}.__path__, '{package}.'):\n"
        "    if '.migrations' not in found.name:\n"
        "        importlib.import_module(found.name)\n"
        "drawn = {'textual', 'rich', 'tui', 'typer'} & set(sys.modules)\n"
        "assert not drawn, drawn\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
