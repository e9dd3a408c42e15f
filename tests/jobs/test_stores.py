"""Object stores that do not answer at first."""

import pytest

from fullconv.errors import FullconvError
from fullconv.jobs import stores

fs = pytest.importorskip("pyarrow.fs")


class Sleepy:
    """A store that fails the first `times` requests."""

    def __init__(self, times):
        self.times, self.asked, self.disk = times, 0, fs.LocalFileSystem()

    def __getattr__(self, name):
        self.asked += 1
        if self.asked <= self.times:
            raise OSError("Timeout\nwas reached")
        return getattr(self.disk, name)


@pytest.fixture
def pauses(monkeypatch):
    found = []
    monkeypatch.setattr(stores.time, "sleep", found.append)
    return found


def questions(folder):
    """Returns {name: function that calls a method of a place and returns its answer}."""
    (folder / "a").write_text("content")
    copy = folder / "new" / "copy"
    return {
        "stamp": lambda place: place.stamp()[0],
        "files": lambda place: [(file.path, stamp[0]) for file, stamp in place.files()],
        "fetch": lambda place: (place.fetch(copy), copy.read_text())[1],
        "put": lambda place: (place.put(folder / "a"), (folder / "b").read_text())[1],
    }


@pytest.mark.parametrize(
    ("question", "name", "answer"),
    [("stamp", "a", 7), ("files", "new", []), ("fetch", "a", "content"), ("put", "b", "content")],
)
def test_a_store_is_tried_three_times_and_a_disk_once(tmp_path, pauses, question, name, answer):
    ask = questions(tmp_path)[question]
    (tmp_path / "new").mkdir()
    assert ask(stores.Place(Sleepy(2), str(tmp_path / name), "s3")) == answer
    assert pauses == list(stores.PATIENCE)
    with pytest.raises(FullconvError, match=rf"s3://.*/{name}: Timeout was reached; check the address, credentials"):
        ask(stores.Place(Sleepy(3), str(tmp_path / name), "s3"))
    store = Sleepy(1)
    with pytest.raises(OSError, match="Timeout"):
        ask(stores.Place(store, str(tmp_path / name), ""))
    assert store.asked == 1
