"""Users without a name, a home, a terminal or a folder to be in: commands work, or say in one line what is missing."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field

import pytest

from tests.hostile.works import TINY, photos, training_data

NOBODY = "54321"  # no passwd entry has this number
# It may read what root may, as the interpreter may lie in root's home, and write only what is its own.
AS_NOBODY = [
    "setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--inh-caps=+dac_read_search",
    "--ambient-caps=+dac_read_search",
]  # fmt: skip
COMMANDS = {
    "predict": ["predict", "{0}/photos/00.png", "--out", "{0}/out/masks"],
    "check": ["check", "{0}/data.yaml"],
    "train": ["train", "{0}/data.yaml", *TINY, "--epochs", "1", "--out", "{0}/out/run"],
}
EACH = [pytest.param(name, marks=[pytest.mark.slow] if name == "train" else []) for name in COMMANDS]


@dataclass
class User:
    """Gives commands in `folder`, started by `first`, with these changes to the environment (None: not set)."""

    folder: os.PathLike
    first: list[str] = field(default_factory=list)
    changes: dict[str, str | None] = field(default_factory=dict)

    def give(self, name, **how):
        if name == "train":
            pytest.importorskip("torch")
        environment = {**os.environ, "OMP_NUM_THREADS": "1", **self.changes}
        environment = {  # a measurement of coverage writes where this user may not
            name: value for name, value in environment.items() if value is not None and not name.startswith("COVERAGE")
        }
        arguments = [one.format(self.folder) for one in COMMANDS[name]]
        how = {"cwd": self.folder, "stdin": subprocess.DEVNULL, **how}
        return subprocess.run(
            [*self.first, sys.executable, "-m", "fullconv", *arguments], env=environment, capture_output=True,
            text=True, check=False, timeout=300, start_new_session=True, **how,
        )  # fmt: skip


@pytest.fixture
def folder(tmp_path):
    photos(tmp_path)
    training_data(tmp_path)
    (tmp_path / "out").mkdir()
    return tmp_path


@pytest.fixture
def nobody(folder):
    if not shutil.which("setpriv") or subprocess.run([*AS_NOBODY, "true"], check=False).returncode:
        pytest.skip("this process cannot become another user")
    for place in (folder, *folder.parents[:2]):
        place.chmod(0o755)  # what pytest makes is for its owner alone
    shutil.chown(folder / "out", int(NOBODY), int(NOBODY))
    return User(folder, AS_NOBODY)


@pytest.mark.parametrize(
    ("name", "home"),
    [
        *(("predict", home) for home in (None, "", "/proc", "/nowhere/at/all")),
        ("check", None),
        pytest.param("train", None, marks=pytest.mark.slow),
        pytest.param("train", "/proc", marks=pytest.mark.slow),  # which nobody can write to
    ],
)
def test_a_user_without_a_name_or_a_home(nobody, name, home):
    nobody.changes = {"HOME": home, "USER": None, "LOGNAME": None, "FULLCONV_CACHE": None, "XDG_CACHE_HOME": None}
    done = nobody.give(name)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr


def test_a_folder_that_belongs_to_somebody_else_is_one_line(nobody):
    shutil.chown(nobody.folder / "out", 0, 0)
    done = nobody.give("predict")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "out/masks: cannot be written (Permission denied); choose another" in done.stderr


@pytest.mark.parametrize("name", EACH)
def test_closed_streams(folder, name):
    """As a service manager or cron may start it."""
    closed = ["sh", "-c", 'exec "$@" <&-', "sh"]
    done = User(folder, closed).give(name, stdin=None)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", COMMANDS)
def test_a_folder_that_was_removed_under_the_command_is_one_line(folder, name):
    removed = ["sh", "-c", 'mkdir gone && cd gone && rmdir "$PWD" && exec "$@"', "sh"]
    done = User(folder, removed).give(name)
    assert done.returncode == 1
    assert done.stderr == "error: the current folder no longer exists; change to another one (cd), then try again\n"
