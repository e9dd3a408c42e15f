"""Samples as a run shows them."""

import tempfile
from pathlib import Path

import torch

from fullconv.classes import Classes
from fullconv.models.config import Architecture, ModelConfig, NormalisationValues
from fullconv.training.epoch import Epoch, Pictures
from fullconv.training.pictures import Skipped, training_pictures
from fullconv.training.sampling import Sampling

CLASSES, NORMALISATION = Classes.named(["thing", "other"]), NormalisationValues((0.5,) * 3, (0.5,) * 3)
CONFIG = ModelConfig("any", Architecture(trunk="resnet18"), CLASSES, NORMALISATION, longest_side=None)


def pictures_of(samples, factors=None, unlabelled=(), share=0.5, teacher=None, classes=2, config=CONFIG):
    factors = torch.ones(len(samples)) if factors is None else factors
    skipped = Skipped(Path(tempfile.mkdtemp()) / "skipped.jsonl")
    seen = training_pictures([*samples, *unlabelled], config, skipped)
    return Pictures(seen, Sampling(factors, torch.ones(len(unlabelled)), share), teacher, classes)


def epoch_of(samples, recipe, number, factors=None):
    return Epoch(pictures_of(samples, factors), recipe, number)
