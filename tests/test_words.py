import pytest

from fullconv.words import LONGEST, counted, printable, was


def test_one_and_several():
    assert [counted(i, "picture") for i in (0, 1, 2)] == ["0 pictures", "1 picture", "2 pictures"]
    assert [counted(i, "box", "boxes") for i in (1, 2)] == ["1 box", "2 boxes"]
    assert [was(i) for i in (0, 1, 2)] == ["were", "was", "were"]


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Straße 猫.jpg", "Straße 猫.jpg"),
        ("a\x1b[31m\r\nb", "a\\x1b[31m\\r\\nb"),
        ("gpj.\u202eexe", "gpj.\\u202eexe"),
        ("\ud800", "\\ud800"),
        ("x" * 10**6, "x" * LONGEST + " …"),
    ],
)
def test_names_command_no_terminal(name, shown):
    assert printable(name) == shown
    printable(name).encode()
