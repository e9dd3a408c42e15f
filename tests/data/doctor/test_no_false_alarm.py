"""Sound data raise no false alarm: what is said of them is true of them."""

import pytest

from fullconv.data.doctor.examination import check as examine
from tests.data.doctor.planted import kinds

NAMES = {
    "aerial-buildings": "names: [background, building]\n",
    "format-fixtures/mmseg-layouts/pseudo_dataset": (
        "train: {images: imgs, masks: gts}\nnames: [background, first, second, third]\n"
    ),
}
TRUE = {
    # No aeroplane anywhere; no bus, motorbike and train in val, no bird and boat in test; few of them in train.
    # Sheep: 2.2 % of the pixels of train, 1.0 % of val.
    "voc-animals": {"empty-classes", "empty-in-split", "rare-classes", "shares-differ"},
    "camvid": {"shares-differ"},  # cyclist: 0.3 % of train, 2.3 % of val
    "oxford-pets": {"one-split"},  # all in list.txt
    "aerial-buildings": {"one-split"},
    "format-fixtures/labelme": {"one-split", "empty-classes"},  # three photos of twenty-one classes
    "format-fixtures/mmseg-layouts/pseudo_dataset": {"one-split", "palettes-differ"},  # made with random palettes
}


@pytest.mark.parametrize("name", TRUE)
def test_correct_data_raise_no_alarm(real_data, tmp_path, name):
    data = real_data(name)
    if name in NAMES:
        (tmp_path / "data.yaml").write_text(f"path: {data.resolve()}\n{NAMES[name]}")
        data = tmp_path / "data.yaml"
    report = examine(data)
    assert kinds(report) == TRUE[name]
    assert not report.failed
