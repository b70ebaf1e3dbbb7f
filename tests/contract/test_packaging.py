"""The package as users get it: wheel, sdist and editable install find what ships with them, and start."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest
from build import ProjectBuilder

from aicompute_tui import __version__

ROOT = Path(__file__).resolve().parents[2]
Kind = Literal["wheel", "sdist", "editable"]
_ASK = """
from datetime import UTC, datetime
from aicompute_tui.services.user_data import render_user_data
from aicompute_tui.settings.packaged import DATA, STYLES
render_user_data(expires_at=datetime(2026, 11, 20, tzinfo=UTC), max_expires_at=None, launch_id="a")
print(DATA)
print(STYLES)
for folder in (DATA, STYLES):
    print(" ".join(sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.*"))))
"""


@dataclass(frozen=True)
class Installed:
    folder: Path
    environment: dict[str, str]

    def run(self, *command: str) -> str:
        done = subprocess.run(
            [self.folder / "bin" / command[0], *command[1:]],
            check=False,
            capture_output=True,
            text=True,
            cwd=self.folder,
            env=self.environment,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


def install(wheel: str, folder: Path) -> Installed:
    """Into an environment of its own, beside the libraries of this one but not our own package in it."""
    venv.create(folder, with_pip=False)
    pip = [sys.executable, "-m", "pip", "--python", str(folder / "bin/python"), "--disable-pip-version-check"]
    subprocess.run([*pip, "install", "-q", "--no-deps", "--no-index", wheel], check=True, timeout=120)
    site = sysconfig.get_path("purelib", vars={"base": str(folder)})
    Path(site, "libraries.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return Installed(folder, {"PATH": os.defpath, "HOME": str(folder), "LANG": "C.UTF-8"})


def built(kind: Kind, folder: Path) -> str:
    """The wheel that an installer would make of our tree; no network, the backend is the one installed here."""
    if kind != "sdist":
        return ProjectBuilder(ROOT).build(kind, folder)
    shutil.unpack_archive(ProjectBuilder(ROOT).build("sdist", folder), folder)
    (source,) = (path for path in folder.iterdir() if path.is_dir())
    assert (source / "tests/constraints.txt").is_file(), "the tests are not in the sdist"
    return ProjectBuilder(source).build("wheel", folder)


def shipped(folder: Path) -> str:
    return " ".join(sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.*")))


@pytest.mark.parametrize("kind", ["wheel", "sdist", "editable"])
def test_installed_package_finds_its_files_and_starts(kind: Kind, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    installed = install(built(kind, out), tmp_path / "venv")
    data, styles, data_files, style_files = installed.run("python", "-c", _ASK).split("\n")[:4]
    home = ROOT if kind == "editable" else installed.folder
    assert Path(data).is_relative_to(home)
    assert Path(styles).is_relative_to(home)
    assert data_files == shipped(ROOT / "aicompute_tui/data")
    assert style_files == shipped(ROOT / "styles")
    assert __version__ in installed.run("aic-tui", "--version")
