import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from torch.optim import SGD

from fullconv.classes import Classes
from fullconv.models import published
from fullconv.models.build import build
from fullconv.models.config import Architecture, ModelConfig, NormalisationValues
from fullconv.training.optimisation import build_optimiser, build_schedule
from fullconv.training.recipe import Recipe


def small_model():
    normalisation = NormalisationValues((127.0,) * 3, (127.0,) * 3)
    return build(ModelConfig("m", Architecture("test_resnet", 8), Classes.named(["a", "b"]), normalisation))


def rates(recipe: Recipe, steps: int = 100) -> list[float]:
    """The learning rate of each step."""
    optimiser = SGD([torch.nn.Parameter(torch.zeros(1))], lr=recipe.lr)
    schedule = build_schedule(optimiser, recipe, steps)
    found = []
    for _ in range(steps):
        found.append(optimiser.param_groups[0]["lr"])
        optimiser.step()
        schedule.step()
    return found


@pytest.mark.parametrize("schedule", ["one_cycle", "cosine", "poly", "constant"])
def test_rates_rise_to_the_peak_and_then_follow_the_schedule(schedule):
    found = rates(Recipe(schedule=schedule, lr=0.5, warm_up=0.1))
    peak = found.index(max(found))
    assert 8 <= peak <= 10
    assert found[0] < 0.1
    assert max(found) == pytest.approx(0.5)
    assert found[:peak] == sorted(found[:peak])
    falling = found[peak:]
    assert falling == sorted(falling, reverse=True)
    assert found[-1] < 0.01 if schedule != "constant" else found[-1] == 0.5


@given(
    schedule=st.sampled_from(["one_cycle", "cosine", "poly", "constant"]),
    steps=st.integers(1, 40),
    warm_up=st.sampled_from([0.0, 0.05, 0.1, 0.3, 0.5, 1.0]) | st.floats(0, 1),
)
@example(schedule="one_cycle", steps=10, warm_up=0.1)  # of exactly one step
@example(schedule="one_cycle", steps=1, warm_up=0.3)
@example(schedule="one_cycle", steps=2, warm_up=1.0)
def test_however_few_steps_there_are_some_learn_at_the_full_rate(schedule, steps, warm_up):
    found = rates(Recipe(schedule=schedule, lr=0.5, warm_up=warm_up), steps)
    assert all(0 <= rate <= 0.5 + 1e-9 for rate in found)
    assert max(found) >= 0.37  # a line that would be up in the step after the last


def test_poly_by_its_formula():
    found = rates(Recipe(schedule="poly", lr=2.0, warm_up=0.0), steps=10)
    assert found == pytest.approx([2 * (1 - i / 10) ** 0.9 for i in range(10)])


def test_biases_learn_twice_as_fast_and_do_not_decay_as_in_the_paper():
    model = published.build("voc-fcn-alexnet")
    recipe = Recipe(
        optimiser="sgd", lr=1e-10, trunk_lr_factor=1.0, bias_lr_factor=2.0, weight_decay=5e-4, momentum=0.99
    )
    optimiser = build_optimiser(model, recipe)
    by_parameter = {id(p): group for group in optimiser.param_groups for p in group["params"]}
    for name, parameter in model.named_parameters():
        if not parameter.requires_grad:
            assert id(parameter) not in by_parameter  # the deconvolution is fixed and bilinear
            continue
        group = by_parameter[id(parameter)]
        is_bias = name.endswith("bias")
        assert (group["lr"], group["weight_decay"]) == ((2e-10, 0.0) if is_bias else (1e-10, 5e-4)), name
        assert group["momentum"] == 0.99


def test_the_trunk_learns_at_its_share_of_the_rate():
    model = small_model()
    optimiser = build_optimiser(model, Recipe(lr=1.0, trunk_lr_factor=0.25))
    by_parameter = {id(p): group["lr"] for group in optimiser.param_groups for p in group["params"]}
    found = {name.startswith("trunk"): by_parameter[id(p)] for name, p in model.named_parameters() if p.requires_grad}
    assert found == {True: 0.25, False: 1.0}


def test_each_of_two_trunks_learns_at_its_share_of_the_rate():
    normalisation = NormalisationValues((127.0,) * 6, (127.0,) * 6)
    architecture = Architecture("test_resnet", 32, inputs=("color", "hha"))
    model = build(ModelConfig("m", architecture, Classes.named(["a", "b"]), normalisation))
    optimiser = build_optimiser(model, Recipe(lr=1.0, trunk_lr_factor=0.25, weight_decay=0.5))
    groups = {id(p): (group["lr"], group["weight_decay"]) for group in optimiser.param_groups for p in group["params"]}
    parts = set()
    for name, p in model.named_parameters():
        if p.requires_grad:
            in_trunk = name.startswith(("trunkcolor.", "trunkhha."))
            assert groups[id(p)] == (0.25 if in_trunk else 1.0, 0.5 if p.ndim > 1 else 0.0), name
            parts.add(name.partition(".")[0])
    assert {"trunkcolor", "trunkhha", "score_frcolor", "score_frhha"} <= parts
