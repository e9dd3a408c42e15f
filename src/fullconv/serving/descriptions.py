"""The OpenAPI descriptions of the server's endpoints, with examples."""

from __future__ import annotations

from typing import Any

OUTPUTS = ("labels", "overlay", "masks", "cutout", "confidence", "polygons", "coco", "json")  # of /predict
SERVER = "Semantic segmentation: send a picture, get the class of each pixel."
TOKEN: dict[str, Any] = {
    "components": {"securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}},
    "security": [{"token": []}],
}
FILE = {"type": "string", "format": "binary"}
ERROR = {
    "type": "object",
    "properties": {"error": {"type": "string"}, "reason": {"type": "string"}},
    "required": ["error", "reason"],
}
PICTURE: dict[str, Any] = {
    "required": True,
    "description": "A picture file, as the request body or in a form.",
    "content": {
        "application/octet-stream": {"schema": FILE},
        "image/jpeg": {"schema": FILE},
        "image/png": {"schema": FILE},
        "multipart/form-data": {"schema": {"type": "object", "properties": {"picture": FILE}, "required": ["picture"]}},
    },
}
SUMMARY = {
    "model": "photos", "width": 451, "height": 300, "classes": {"cat": 0.62, "background": 0.38},
    "notes": [], "confidence": {"cat": 0.98, "background": 0.97},
}  # fmt: skip


def given(description: str, example: Any, kind: str = "object") -> dict[str, Any]:
    """Describes a successful answer in JSON."""
    return {"description": description, "content": {"application/json": {"schema": {"type": kind}, "example": example}}}


def in_query(name: str, description: str, **schema: Any) -> dict[str, Any]:
    return {"name": name, "in": "query", "description": description, "schema": {"type": "string", **schema}}


def refused(status: str, reason: str, message: str) -> dict[str, Any]:
    example = {"error": message, "reason": reason}
    return {"description": status, "content": {"application/json": {"schema": ERROR, "example": example}}}


REFUSED: dict[int | str, dict[str, Any]] = {
    401: refused(
        "No token, or the wrong one", "token", "this server requires a token; send the header Authorization: …"
    ),
    403: refused(
        "The host name, or the website that sent the request, is not allowed", "host", "no host 'a.example' here; …"
    ),
}
ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The result",
        "content": {
            "image/png": {"schema": FILE},
            "image/jpeg": {"schema": FILE},
            "application/zip": {"schema": FILE},
            "application/geo+json": {"schema": {"type": "object"}},
            "application/json": {"schema": {"type": "object"}, "example": SUMMARY},
        },
    },
    **REFUSED,
    404: refused("No such model", "model", "no model 'dogs' here; choose from photos"),
    408: refused("The body arrived too slowly", "slow", "the body did not arrive within 30 s; send it faster, or …"),
    413: refused("Too large", "pixels", "the picture has more than 50 megapixels; send a smaller one"),
    415: refused(
        "Not a picture, or of another format", "format", "not a picture in a format that this server accepts; …"
    ),
    422: refused("A damaged picture, or an invalid request", "damaged", "the picture is damaged or cut off; …"),
    429: refused(
        "The queue is full", "queue", "64 pictures already waiting; try again after the seconds in Retry-After"
    ),
    500: refused("An internal server error", "fault", "the server failed on this request; see its log"),
    503: refused("Timed out", "time", "no worker was free in time; try again after the seconds in Retry-After"),
}
PREDICT: dict[str, Any] = {
    "operationId": "predict",
    "summary": "Segment one picture. The answer has the picture's own size.",
    "parameters": [
        in_query("save", "Output to return", enum=list(OUTPUTS), default="labels"),
        in_query("model", "A name from /models; the first one by default"),
        in_query("classes", "Only these classes (separated by commas, or repeated) and background"),
    ],
    "requestBody": PICTURE,
    "responses": ANSWERS,
}
OPTIONS = tuple(parameter["name"] for parameter in PREDICT["parameters"])
MODEL = {"name": "photos", "engine": "openvino fp32", "classes": ["background", "cat"], "void": 255}
MODELS: dict[str, Any] = {
    "operationId": "models",
    "summary": "The models, with their classes and colours.",
    "responses": {200: given("The models", [MODEL], "array"), **REFUSED},
}
