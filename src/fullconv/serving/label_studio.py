"""The endpoints for Label Studio, which shows the predictions as drafts: /label-studio/health, /setup and /predict.

The requests are those of github.com/HumanSignal/label-studio-ml-backend (label_studio_ml/api.py). The answers are
predictions in Label Studio's import format: https://labelstud.io/guide/predictions.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from fullconv.serving.drafts import BRUSH, OUTLINES
from fullconv.serving.endpoint import Endpoint
from fullconv.serving.messages import Answer, Task
from fullconv.serving.metrics import Metrics
from fullconv.serving.one_host import OneHost
from fullconv.serving.refusal import Refusal
from fullconv.serving.service import Service

MOST = 100  # tasks in one request
LARGEST = 2**20  # characters in a labelling interface
KINDS = {"BrushLabels": BRUSH, "PolygonLabels": OUTLINES}  # {tag of an interface: output that it needs}


@dataclass(frozen=True)
class Interface:
    """A project's labelling interface. `key`: the value of a task that has the address of the picture. `picture`,
    `labels`: the names of these tags. `kind`: a key of KINDS. `known`: {class of the model: label of the project}."""

    key: str
    picture: str
    labels: str
    kind: str
    known: dict[str, str]


def endpoints(service: Service, host: OneHost) -> list[Endpoint]:
    """Returns the endpoints. They are not in /openapi.json, because only Label Studio uses them."""

    async def health(_: Request) -> Response:
        return JSONResponse({"status": "UP", "model_class": service.model(None)})

    async def setup(_: Request) -> Response:
        """Stores nothing about a project: each request to predict contains the labelling interface."""
        return JSONResponse({"model_version": service.model(None)})

    async def predict(request: Request) -> Response:
        content = await content_of(request, service)
        chosen = service.model(None)
        interface = read_interface(content.get("label_config"), service.workers.models[chosen]["classes"])
        found = [await draft(request, service, host, interface, task) for task in tasks_of(content)]
        refuse_tasks(found, service.metrics)
        return JSONResponse({"results": [prediction(one, chosen, interface) for one in found]})

    return [
        Endpoint("GET", "/label-studio/health", health),
        Endpoint("POST", "/label-studio/setup", setup),
        Endpoint("POST", "/label-studio/predict", predict),
    ]


async def content_of(request: Request, service: Service) -> dict[str, Any]:
    """Returns the JSON object in the body. Raises Refusal if there is none."""
    try:
        content = json.loads(await service.bodies.read(request, service.deadline()))
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict):
        raise Refusal(
            400, "protocol", "this is not a request from Label Studio, which is JSON with tasks and label_config"
        )
    return content


def tasks_of(content: dict[str, Any]) -> list[dict[str, Any]]:
    tasks = content.get("tasks")
    if not isinstance(tasks, list) or len(tasks) > MOST or not all(isinstance(task, dict) for task in tasks):
        raise Refusal(422, "protocol", f"tasks must be a list of at most {MOST} tasks")
    return tasks


async def draft(
    request: Request, service: Service, host: OneHost, interface: Interface, task: dict[str, Any]
) -> Answer | Refusal:
    """Returns the draft of a task, or the Refusal, so that one bad picture does not stop the others."""

    async def read(_: Request, deadline: float) -> Task:
        values = task.get("data")
        address = values.get(interface.key) if isinstance(values, dict) else None
        if not isinstance(address, str):
            raise Refusal(422, "protocol", f"task {task.get('id')}: has no {interface.key} in its data")
        picture = await host.fetch(address, service.limits.body, deadline)
        return Task(service.model(None), picture, KINDS[interface.kind])

    try:
        return await service.handle(request, read)
    except Refusal as refusal:
        if refusal.reason == "gone":
            raise
        return refusal


def refuse_tasks(found: Sequence[Answer | Refusal], metrics: Metrics) -> None:
    """Counts the refused tasks. Raises the first refusal if all tasks are refused; it is counted where it is caught."""
    refused = [one for one in found if isinstance(one, Refusal)]
    all_refused = bool(found) and len(refused) == len(found)
    for one in refused[all_refused:]:
        metrics.refuse(one)
    if all_refused:
        raise refused[0]


def prediction(found: Answer | Refusal, model: str, interface: Interface) -> dict[str, Any]:
    """Returns the prediction of one task. Its score, by which Label Studio sorts, is the mean over its regions."""
    if isinstance(found, Refusal):
        return {"model_version": model, "score": 0.0, "result": [], "error": found.message}
    regions = [region(one, number, found.facts, interface) for number, one in enumerate(json.loads(found.body))]
    kept = [one for one in regions if one]
    score = sum(one["score"] for one in kept) / len(kept) if kept else 0.0
    return {"model_version": model, "score": round(score, 4), "result": kept}


def region(found: dict[str, Any], number: int, facts: dict[str, Any], interface: Interface) -> dict[str, Any] | None:
    """Returns a region in Label Studio's format; None if the project has no label for the class."""
    label, kind = interface.known.get(found["label"]), interface.kind.lower()
    if label is None:
        return None
    return {
        "id": f"fullconv{number}", "type": kind, "from_name": interface.labels, "to_name": interface.picture,
        "original_width": facts["width"], "original_height": facts["height"], "image_rotation": 0,
        "score": found["score"], "readonly": False, "value": {**found["value"], kind: [label]},
    }  # fmt: skip


def read_interface(text: Any, classes: Sequence[str]) -> Interface:
    """Returns what the XML of a labelling interface says. Raises Refusal if it has no picture with labels to draft, or
    if none of its labels is a class of the model."""
    root = parsed(text)
    pictures = {one.get("name"): one for one in root.iter("Image")}
    for tag in KINDS:
        for labels in root.iter(tag):
            picture = pictures.get(labels.get("toName"))
            if picture is not None:
                return interface_of(picture, labels, classes)
    raise Refusal(422, "interface", f"the labelling interface has no Image with {' or '.join(KINDS)}; add them")


def interface_of(picture: ElementTree.Element, labels: ElementTree.Element, classes: Sequence[str]) -> Interface:
    """Matches labels to classes by name, without regard to upper and lower case."""
    names = [label.get("value", "") for label in labels.iter("Label")]
    folded = {name.casefold(): name for name in names}
    known = {name: folded[name.casefold()] for name in classes if name.casefold() in folded}
    if not known:
        message = f"none of the labels ({', '.join(names)}) is a class of the model ({', '.join(classes)})"
        raise Refusal(422, "interface", f"{message}; give some of them the same names")
    key = picture.get("value", "").removeprefix("$")
    return Interface(key, picture.get("name", ""), labels.get("name", ""), labels.tag, known)


def parsed(text: Any) -> ElementTree.Element:
    """Parses the XML. Entities are refused: Label Studio writes none, and they can expand to any size."""
    try:
        if isinstance(text, str) and len(text) <= LARGEST and "<!" not in text.replace("<!--", ""):
            return ElementTree.fromstring(text)
    except ElementTree.ParseError:
        pass
    raise Refusal(422, "interface", "label_config is not a labelling interface; set one up in the project's settings")
