"""Timing a model."""

import json

import pytest
import torch
from click.testing import CliRunner
from torch.utils.flop_counter import FlopCounterMode

from fullconv.commands.main import fullconv
from fullconv.prediction import benchmark
from fullconv.weights.checkpoint import load_model
from fullconv.weights.model_folder import find_model


@pytest.fixture(autouse=True)
def short(monkeypatch):
    monkeypatch.setattr(benchmark, "SIDE", 64)
    monkeypatch.setattr(benchmark, "CHANNELS", 16)
    real = benchmark.timed
    monkeypatch.setattr(benchmark, "timed", lambda work, seconds=0.0: real(work, 0.01))


def run(*arguments):
    return CliRunner().invoke(fullconv, ["bench", "--size", "64x96", *arguments])


def test_multiply_adds_equal_those_that_torch_counts():
    """An independent count: torch's, of the same network."""
    folder = find_model("photos")
    network, _ = load_model(folder)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(torch.zeros(1, 3, 64, 96))
    assert benchmark.multiply_adds(folder, 64, 96, 3) == pytest.approx(counter.get_total_flops() / 2, rel=0.02)


def test_json_contains_a_run_for_the_named_pair():
    result = run("--engine", "openvino", "--precision", "fp32", "--json", "-")
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    (found,) = report["runs"]
    assert (found["engine"], found["precision"]) == ("openvino", "fp32")
    assert 0 < found["p50_ms"] <= found["p90_ms"] <= found["p99_ms"]
    assert set(report["peaks"]["fp32"]) == {"matrix product", "convolution"}


def test_a_pair_that_cannot_run_is_left_out_of_the_table_with_a_note():
    result = run("--engine", "openvino")
    assert "openvino int8 left out: " in result.stderr
    assert "openvino fp32" in result.stdout
    assert "of peak" in result.stdout


@pytest.mark.parametrize("size", ["384", "0x32", "100x100"])
def test_a_wrong_size_gives_a_one_line_error(size):
    assert "multiples of 32" in str(run("--size", size).exception)


def test_if_only_torch_is_timed_the_peak_is_torchs(monkeypatch):
    """As on a machine without OpenVINO."""
    monkeypatch.setattr("fullconv.commands.bench.find_spec", lambda name: None)
    monkeypatch.setattr(benchmark, "import_openvino", lambda: pytest.fail("OpenVINO was asked for"))
    result = run("--engine", "torch", "--precision", "fp32", "--device", "cpu", "--json", "-")
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert [found["engine"] for found in report["runs"]] == ["torch"]
    assert min(report["peaks"]["fp32"].values()) > 0
