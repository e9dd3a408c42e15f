from fullconv.words import counted, was


def test_one_and_several():
    assert [counted(i, "picture") for i in (0, 1, 2)] == ["0 pictures", "1 picture", "2 pictures"]
    assert [counted(i, "box", "boxes") for i in (1, 2)] == ["1 box", "2 boxes"]
    assert [was(i) for i in (0, 1, 2)] == ["were", "was", "were"]
