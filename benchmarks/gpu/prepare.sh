#!/usr/bin/env bash
# Makes the one folder that travels to a machine with a GPU beside the tracked files: photos and the teacher.
#
# usage: benchmarks/gpu/prepare.sh [PACK] [pack.py's further arguments]        PACK: [default: .gpu-pack]
# PHOTOS: folders of unlabelled photos; VOC: devkits of labelled ones; TEACHER: a folder with its code and weights.
# START=1: a start from ImageNet weights too (8 MiB); else training starts from the bundled model `photos`.
# git ignores the folder; it and all tracked files together must stay below 60 MiB, which is checked at the end. More
# photos than that travel as further parts, a call each, to a machine that keeps what it was sent.
set -euo pipefail
cd "$(dirname "$0")/../.."
pack=${1:-.gpu-pack}
shift || true
python=${PYTHON:-.venv/bin/python}
data=${FULLCONV_DATA:-../shared/data}
rm -rf "$pack"
mkdir -p "$pack"
# shellcheck disable=SC2086
"$python" benchmarks/gpu/pack.py "$pack" --labelled ${VOC:-"$data/voc-animals" "$data/photos-labelled"} \
    --unlabelled ${PHOTOS:-"$data/photos-unlabelled"} --part-size 100 --most 200 "$@"
[ -z "${START:-}" ] || "$python" benchmarks/gpu/start.py "$pack/start"
mkdir "$pack/teacher"
cp "${TEACHER:-../shared/teacher}"/{tfl_torch.py,deeplab_mnv2_voc.npz,LICENSE} "$pack/teacher"
"$python" benchmarks/gpu/travels.py "$pack"
