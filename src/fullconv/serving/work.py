"""The work of a worker process: it checks, segments and encodes one picture after another."""

from __future__ import annotations

import signal
from contextlib import suppress
from multiprocessing.connection import Connection

from fullconv.errors import FullconvError
from fullconv.images import OF_BYTES
from fullconv.prediction.engines.choice import Choice
from fullconv.prediction.memory import give_back
from fullconv.prediction.predictor import Model, ready
from fullconv.serving.about import describe
from fullconv.serving.answers import answer, is_soft, tensors
from fullconv.serving.limits import Limits
from fullconv.serving.messages import Answer, Setup, Task
from fullconv.serving.pictures import check_picture
from fullconv.serving.refusal import Refusal
from fullconv.weights.model_folder import open_folder

REST = 1.0  # after this many seconds without a picture, freed memory is given back to the system


def work(connection: Connection, setup: Setup) -> None:
    """Sends the descriptions of the models, then answers tasks until the connection is closed.

    Signals are ignored, because the server handles them: systemd sends them to every process of a service, and a
    terminal to all its foreground processes.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    try:
        models = models_of(setup)
    except FullconvError as error:
        connection.send(error)
        return
    with suppress(EOFError, OSError):  # the server has ended; errors of a picture are sent as answers
        connection.send(
            {
                name: describe(model.config, name, f"{model.engine.name} {model.engine.precision}")
                for name, model in models.items()
            }
        )
        while True:
            if not connection.poll(REST):
                give_back()
            connection.send(do(connection.recv(), models, setup.limits))


def models_of(setup: Setup) -> dict[str, Model]:
    """Returns {name: model}. Raises FullconvError if a model cannot be loaded, or two have the same name."""
    models: dict[str, Model] = {}
    for folder in map(open_folder, setup.folders):
        if (name := folder.config.name) in models:
            raise FullconvError(
                f"--model: two models are called {name}; change the name in one of their config.json files"
            )
        models[name] = ready(folder, Choice(setup.engine, setup.precision), threads=1)
    return models


def do(task: Task, models: dict[str, Model], limits: Limits) -> Answer | Refusal:
    """Returns the answer to a task, or the Refusal if the picture cannot be segmented."""
    try:
        check_picture(task.body, limits)
        model = models[task.model]
        model = model.among(task.classes) if task.classes else model
        result = model.predict(task.body, scores=task.scores, soft=is_soft(task.save))
        facts = {"model": task.model}
        return tensors(result, facts) if task.raw else answer(result, task.save, facts)
    except Refusal as refusal:
        return refusal
    except FullconvError as error:
        return Refusal(422, "damaged", str(error).replace(OF_BYTES, "the picture", 1))
    except MemoryError:
        return Refusal(413, "memory", "the picture needs more memory than is available; send a smaller one")
