"""What the same net takes in eager torch: fullconv's own FCN from model.safetensors, float32.

usage: torch_timm.py MODEL_FOLDER PHOTO OUT.png
"""

import sys
from pathlib import Path

import torch
from PIL import Image
from torchvision.transforms.functional import pil_to_tensor

from fullconv.weights.checkpoint import load_model

net, _ = load_model(Path(sys.argv[1]))
batch = pil_to_tensor(Image.open(sys.argv[2]).convert("RGB"))[None]
with torch.inference_mode():
    labels = net(batch)[0].argmax(0).byte().numpy()
Image.fromarray(labels, "P").save(sys.argv[3])
