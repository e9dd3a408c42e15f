"""How much memory a prediction may use on a machine or in a container."""

import platform

import pytest

from fullconv.errors import FullconvError
from fullconv.prediction import memory
from tests.conftest import EXAMPLES

MEMINFO = "MemTotal:       24684084 kB\nMemFree:         100 kB\nMemAvailable:    8000 kB\n"


@pytest.fixture
def machine(tmp_path, monkeypatch):
    (tmp_path / "meminfo").write_text(MEMINFO)
    monkeypatch.setattr(memory, "MEMINFO", tmp_path / "meminfo")
    monkeypatch.setattr(memory, "GROUP", tmp_path)
    monkeypatch.setattr(memory, "OWN_GROUPS", tmp_path / "none")
    return tmp_path


def test_the_budget_is_a_quarter_of_what_the_machine_has_left(machine):
    assert memory.budget() == 8000 * 1024 // 4


@pytest.mark.parametrize(("limit", "left"), [("max", 8000 * 1024), ("5000000", 4_000_000), ("500", 0)])
def test_the_limit_of_a_container_counts(machine, limit, left):
    (machine / "memory.max").write_text(limit + "\n")
    (machine / "memory.current").write_text("1000000\n")
    assert memory.budget() == left // 4


def test_systems_without_meminfo(machine):
    memory.MEMINFO.unlink()
    assert 0 < memory.budget() < 2**45


def test_a_container_with_control_groups_version_1(machine):
    (machine / "memory").mkdir()
    for name, text in {"limit_in_bytes": "5000000", "usage_in_bytes": "2000000"}.items():
        (machine / "memory" / f"memory.{name}").write_text(text)
    (machine / "memory" / "memory.stat").write_text("cache 9\ntotal_inactive_file 500000\n")
    assert memory.available() == 3_500_000


def test_a_group_inside_a_container(machine):
    (machine / "none").write_text("4:memory:/pod/one\n0::/pod\n")
    (machine / "pod").mkdir()
    (machine / "pod" / "memory.max").write_text("700000")
    (machine / "pod" / "memory.current").write_text("100000")
    assert memory.available() == 600_000


@pytest.mark.parametrize(
    ("text", "size"), [("2G", 2**31), ("500M", 500 * 2**20), ("1.5gb", 3 * 2**29), ("7", 7), ("1KiB", 1024)]
)
def test_sizes(text, size):
    assert memory.parse_size(text) == size


@pytest.mark.parametrize("form", [bytes, bytearray, memoryview])
def test_the_content_of_a_file_needs_what_the_file_needs(form):
    path = EXAMPLES / "chelsea.jpg"
    assert memory.bytes_of(form(path.read_bytes()), classes=3) == memory.bytes_of(path, classes=3) > 0


@pytest.mark.parametrize("text", ["", "G", "-1G", "0", "1e9", "2 apples"])
def test_an_invalid_size_is_refused(text):
    with pytest.raises(FullconvError, match="give a size such as 2G"):
        memory.parse_size(text)


def test_a_limit_applies_to_pictures_and_predictions(monkeypatch):
    monkeypatch.setattr(memory, "resident", lambda: 300 * 2**20)
    monkeypatch.setattr(memory, "_machine", lambda: 2**40)
    memory.allow(2**30)
    try:
        assert memory.for_pictures() == 2**30 - 300 * 2**20 - memory.NETWORK
        assert memory.budget() == (2**30 - 300 * 2**20) // 4
    finally:
        memory.allow(None)
    assert memory.for_pictures(100) == 0


def test_the_memory_of_the_process_is_known_on_linux():
    assert memory.resident() > 2**20 or not memory.STATM.exists()


@pytest.mark.skipif("glibc" not in platform.libc_ver(), reason="only glibc gives memory back when asked to")
def test_freed_memory_is_returned_to_the_system():
    blocks = [bytes(2000) for _ in range(100_000)]
    last = blocks.pop()  # at the end of the heap, so the C library cannot return the memory before it by itself
    del blocks
    before = memory.resident()
    memory.give_back()
    assert memory.resident() < before - 100 * 2**20
    assert last
