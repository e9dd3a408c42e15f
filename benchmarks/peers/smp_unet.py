"""What the same job takes with segmentation_models.pytorch: one photo → a label PNG, U-Net over ResNet-34 in float32.

Weights are left random, since only time and memory are asked for. The photo is padded to a multiple of 32, which the
network asks for. usage: smp_unet.py PHOTO OUT.png
"""

import sys

import segmentation_models_pytorch as smp
import torch
from PIL import Image
from torch.nn.functional import pad
from torchvision.transforms.functional import normalize, to_tensor

net = smp.Unet("resnet34", encoder_weights=None, classes=21).eval()
photo = Image.open(sys.argv[1]).convert("RGB")
batch = normalize(to_tensor(photo), (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))[None]
batch = pad(batch, (0, -photo.width % 32, 0, -photo.height % 32))
with torch.inference_mode():
    labels = net(batch)[0, :, : photo.height, : photo.width].argmax(0).byte().numpy()
Image.fromarray(labels, "P").save(sys.argv[2])
