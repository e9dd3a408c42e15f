"""Words about the numbers of a run."""

from fullconv.training.symptoms import symptoms, texts


def kinds(*entries, has_ended=False):
    history = [{"epoch": i + 1, **entry} for i, entry in enumerate(entries)]
    return [f"{symptom.kind} {symptom.name}".strip() for symptom in symptoms(history, has_ended)]


def losses(train, val=None):
    val = val or [None] * len(train)
    return [{"loss": a} | ({} if b is None else {"val_loss": b}) for a, b in zip(train, val, strict=True)]


def test_a_good_run_has_no_warnings():
    assert kinds(*losses([1.0, 0.8, 0.6, 0.5, 0.4], [1.0, 0.8, 0.7, 0.7, 0.72])) == []
    assert kinds(*losses([1.0])) == []


def test_overfitting_is_reported():
    val = [1.0, 0.5, 0.6, 0.7, 0.8]
    assert kinds(*losses([1.0, 0.8, 0.6, 0.5, 0.4], val)) == ["by heart"]
    assert kinds(*losses([1.0, 0.8, 0.6, 0.5], val[:4])) == []  # too early to say
    assert kinds(*losses([1.0, 0.8, 0.9, 0.8, 0.85], val)) == []  # it does not learn anything


def test_a_rising_loss_is_reported():
    assert kinds(*losses([0.5, 0.2, 0.3, 0.6])) == ["diverging"]
    assert kinds(*losses([0.5, 0.2, 0.3, 0.25])) == []


def test_a_class_that_no_crop_shows_is_reported():
    assert kinds({"loss": 1.0, "not_shown": ["roof"]}) == ["not shown roof"]


def test_a_class_that_is_never_found_is_reported():
    missed = [{"loss": 1.0, "iou": {"ground": 0.9, "roof": 0.0}}] * 5
    assert kinds(*missed) == ["not found roof"]
    assert kinds(*missed[:4]) == []
    assert kinds(*missed[:1], has_ended=True) == ["not found roof"]
    assert kinds(*missed[:4], {"loss": 1.0, "iou": {"ground": 0.9, "roof": 0.1}}) == []


def test_classes_with_the_same_symptom_share_a_line():
    missed = [{"epoch": i + 1, "loss": 1.0, "iou": {"roof": 0.0, "road": 0.0, "tree": 0.5}} for i in range(5)]
    (line,) = texts(symptoms(missed))
    assert line.startswith("not found in any picture of val so far: roof, road; try a longer training")


def test_every_warning_says_what_to_do():
    bad = [{"loss": 0.1 * 3**i, "iou": {"roof": 0.0}, "not_shown": ["roof"]} for i in range(6)]
    found = list(symptoms([{"epoch": i, **entry} for i, entry in enumerate(bad)]))
    assert len(found) == 3
    assert all("\n" not in text and ("try" in text or "recipe" in text) for text in texts(found))
