"""What the same job takes with Ultralytics: one photo → masks, the smallest segmentation network in float32.

Weights are left random, since only time and memory are asked for. usage: ultralytics_yolo.py PHOTO OUT.png
"""

import sys

from PIL import Image
from ultralytics import YOLO

(result,) = YOLO("yolo11n-seg.yaml").predict(sys.argv[1], verbose=False, device="cpu")
Image.fromarray(result.plot()[..., ::-1]).save(sys.argv[2])
