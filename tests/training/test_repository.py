import os
import shutil
import subprocess
from pathlib import Path

import pytest

from fullconv.training.repository import git_state

IDENTITY = ["-c", "user.name=a", "-c", "user.email=a@b"]


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *IDENTITY, *arguments], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path) -> Path:
    folder = tmp_path / "code"
    folder.mkdir()
    git(folder, "init", "-q")
    (folder / "file").write_text("1")
    git(folder, "add", "file")
    git(folder, "commit", "-q", "-m", "x")
    return folder


def test_the_commit_and_whether_files_differ(repository):
    commit = git(repository, "rev-parse", "HEAD")
    (repository / "inner").mkdir()
    assert git_state(repository / "inner") == {"commit": commit, "dirty": False}
    (repository / "file").write_text("other")
    assert git_state(repository) == {"commit": commit, "dirty": True}
    git(repository, "add", "file")
    assert git_state(repository)["dirty"]


def test_outside_a_repository_there_is_no_commit(tmp_path):
    assert git_state(tmp_path) is None


def test_before_the_first_commit_there_is_no_commit(tmp_path):
    git(tmp_path, "init", "-q")
    assert git_state(tmp_path) is None


def test_packed_and_detached(repository):
    commit = git(repository, "rev-parse", "HEAD")
    git(repository, "pack-refs", "--all")
    assert git_state(repository)["commit"] == commit
    git(repository, "checkout", "-q", commit)
    assert git_state(repository) == {"commit": commit, "dirty": False}


def test_a_working_tree_of_its_own(repository, tmp_path):
    git(repository, "worktree", "add", "-q", str(tmp_path / "other"), "-b", "branch")
    commit = git(repository, "rev-parse", "HEAD")
    assert git_state(tmp_path / "other") == {"commit": commit, "dirty": False}


def test_of_longer_digests(tmp_path):
    git(tmp_path, "init", "-q", "--object-format=sha256")
    git(tmp_path, "commit", "-q", "--allow-empty", "-m", "x")
    assert git_state(tmp_path) == {"commit": git(tmp_path, "rev-parse", "HEAD"), "dirty": False}


def test_nothing_that_the_repository_configures_is_run(repository, tmp_path):
    """The same configuration makes a plain `git status` run every one of these."""
    told = tmp_path / "ran"
    spy = tmp_path / "spy.sh"
    spy.write_text(f'#!/bin/sh\necho "$0" >> {told}\ncat\n')
    spy.chmod(0o755)
    (repository / ".gitattributes").write_text("* filter=spy diff=spy\n")
    git(repository, "add", ".gitattributes")
    git(repository, "commit", "-q", "-m", "y")
    for key in ("core.fsmonitor", "filter.spy.clean", "filter.spy.smudge", "diff.spy.textconv", "core.pager"):
        git(repository, "config", key, str(spy))
    git(repository, "config", "core.hooksPath", str(tmp_path))
    shutil.copy(spy, tmp_path / "post-index-change")
    told.unlink(missing_ok=True)
    os.utime(repository / "file", (1, 1))  # git looks into a file whose time is another
    assert git_state(repository)["dirty"] is False
    assert not told.exists()
    git(repository, "status")
    assert told.exists()


@pytest.mark.parametrize(
    ("head", "name"), [("ref: refs/../../../secret", "HEAD"), ("ref: ../secret", "HEAD"), ("\0", "HEAD"), ("", "HEAD")]
)
def test_references_never_leave_the_repository(repository, head, name):
    (repository.parent / "secret").write_text("0" * 40)
    (repository / ".git" / name).write_text(head)
    assert git_state(repository) is None


def test_a_pipe_in_place_of_a_file_is_not_waited_for(repository):
    (repository / ".git" / "HEAD").unlink()
    os.mkfifo(repository / ".git" / "HEAD")
    assert git_state(repository) is None
