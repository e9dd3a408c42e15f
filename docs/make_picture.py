"""Writes docs/figures/predict.png: a photo, its label map, its overlay. usage: python docs/make_picture.py"""

from pathlib import Path

from PIL import Image

import fullconv

ROOT = Path(__file__).parent.parent
PHOTO, PICTURE = ROOT / "examples" / "chelsea.jpg", ROOT / "docs" / "figures" / "predict.png"
GAP = 8  # pixels


def main() -> None:
    result = fullconv.load("photos", precision="fp32").predict(PHOTO)
    parts = [Image.fromarray(result.image), result.label_picture().convert("RGB"), result.overlay_picture(legend=True)]
    width, height = parts[0].size
    sheet = Image.new("RGB", (3 * width + 2 * GAP, height), "white")
    for number, part in enumerate(parts):
        sheet.paste(part, (number * (width + GAP), 0))
    sheet.quantize(200, dither=Image.Dither.FLOYDSTEINBERG).save(PICTURE, optimize=True)


if __name__ == "__main__":
    main()
