"""What the same job takes with torch + torchvision: one photo → a label PNG, fcn_resnet50 in float32.

Weights are left random, since only time and memory are asked for. usage: torchvision_fcn.py PHOTO OUT.png
"""

import sys

import torch
from PIL import Image
from torchvision.models.segmentation import fcn_resnet50
from torchvision.transforms.functional import normalize, to_tensor

net = fcn_resnet50(weights=None, weights_backbone=None, num_classes=21).eval()
photo = Image.open(sys.argv[1]).convert("RGB")
batch = normalize(to_tensor(photo), (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))[None]
with torch.inference_mode():
    labels = net(batch)["out"][0].argmax(0).byte().numpy()
Image.fromarray(labels, "P").save(sys.argv[2])
