"""A quarter of what the machine, or the container, has left."""

import pytest

from fullconv.prediction import memory

MEMINFO = "MemTotal:       24684084 kB\nMemFree:         100 kB\nMemAvailable:    8000 kB\n"


@pytest.fixture
def machine(tmp_path, monkeypatch):
    (tmp_path / "meminfo").write_text(MEMINFO)
    monkeypatch.setattr(memory, "MEMINFO", tmp_path / "meminfo")
    monkeypatch.setattr(memory, "GROUP", tmp_path)
    return tmp_path


def test_of_the_machine(machine):
    assert memory.budget() == 8000 * 1024 // 4


@pytest.mark.parametrize(("limit", "left"), [("max", 8000 * 1024), ("5000000", 4_000_000), ("500", 0)])
def test_of_a_container(machine, limit, left):
    (machine / "memory.max").write_text(limit + "\n")
    (machine / "memory.current").write_text("1000000\n")
    assert memory.budget() == left // 4


def test_where_the_system_tells_otherwise(machine):
    memory.MEMINFO.unlink()
    assert 0 < memory.budget() < 2**45
