"""The demo without a screen, as a process."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[3]


def _command(seconds: float) -> list[str]:
    code = f"import sys; from tui.demo.run import run_demo; sys.exit(run_demo({seconds}, True, True, 'ru'))"
    return [sys.executable, "-c", code]


def _environment(folder: Path) -> dict[str, str]:
    return {**os.environ, "TMPDIR": str(folder), "PYTHONPATH": str(ROOT)}


def test_six_seconds_are_enough_to_show_everything_and_leave_nothing_behind(tmp_path: Path) -> None:
    done = subprocess.run(
        _command(6), cwd=ROOT, env=_environment(tmp_path), capture_output=True, timeout=90, check=False, text=True
    )
    assert done.stdout, done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    assert report["ok"], report
    assert done.returncode == 0
    assert report["letters"]["count"] > 5
    assert report["letters"]["duplicates"] == 0
    assert report["answers"] == {"550": report["deliveries"]["dead"], "450": 1}
    assert report["notifications"] > 0
    assert report["switched_off"]["reasons"] == ["rule_off"]
    assert report["decisions"]["rule_off"] >= 1
    assert "@" in report["sample"]["from"]
    assert "\x1b" not in report["sample"]["text"]
    assert list(tmp_path.iterdir()) == []


def test_sigterm_leaves_nothing_behind(tmp_path: Path) -> None:
    child = subprocess.Popen(
        _command(60), cwd=ROOT, env=_environment(tmp_path), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        ends = time.monotonic() + 20
        while not list(tmp_path.glob("vestnik-demo-*/dispatcher.log")) and time.monotonic() < ends:
            time.sleep(0.05)
        child.send_signal(signal.SIGTERM)
        assert child.wait(30) == 128 + signal.SIGTERM
    finally:
        child.kill()
        child.wait()
    assert list(tmp_path.iterdir()) == []
