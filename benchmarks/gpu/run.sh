#!/usr/bin/env bash
# Everything that needs a GPU, unattended: tests, speed, training. Each step has its own time limit, and its result is in
# OUT even when another fails. For a bare machine: Python, torch with CUDA, torchvision, timm, accelerate, safetensors,
# onnx, pytest, hypothesis and Pillow; neither OpenVINO nor a package registry.
#
# usage: benchmarks/gpu/run.sh OUT [PACK]        PACK: what prepare.sh made  [default: .gpu-pack]
# Seconds for each step, 0 to leave it out:  TESTS=150 SPEED=100 TRAINING=240
# Further arguments:                         SPEED_ARGS="--size 384x512"  TRAINING_ARGS="--crop 416 --batch 64 --compile"
set -uo pipefail
out=$(mkdir -p "$1" && cd "$1" && pwd)
cd "$(dirname "$0")/../.."
pack=${2:-.gpu-pack}
export PYTHONPATH=$PWD/src${PYTHONPATH:+:$PYTHONPATH} PYTHONUNBUFFERED=1 OMP_NUM_THREADS=${OMP_NUM_THREADS:-$(nproc)}
python=${PYTHON:-python3}
begun=$SECONDS

step() { # name, seconds, command …
    local name=$1 limit=$2
    shift 2
    [ "$limit" -gt 0 ] || return 0
    echo "== $name (at most $limit s)" | tee -a "$out/log.txt"
    timeout --kill-after=10 "$limit" "$@" 2>&1 | tee -a "$out/log.txt"
    local status=${PIPESTATUS[0]}
    echo "$name: exit status $status after $((SECONDS - begun)) s in all" | tee -a "$out/steps.txt"
}

: | tee "$out/steps.txt" >"$out/log.txt"
nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader 2>/dev/null | tee -a "$out/log.txt"
# shellcheck disable=SC2086
{
    step tests "${TESTS:-150}" bash -c "for part in prediction training; do
        $python -m pytest -m gpu -q -rs -p no:cacheprovider --durations=5 tests/\$part/test_gpu.py || failed=1; done
        exit \${failed:-0}"
    step speed "${SPEED:-100}" "$python" benchmarks/gpu/speed.py --json "$out/speed.json" ${SPEED_ARGS:-}
    training=${TRAINING:-240}
    step training "$training" "$python" benchmarks/gpu/train.py "$pack" "$out/trained" \
        --seconds $((training > 30 ? training - 20 : training)) ${TRAINING_ARGS:-}
}
cp "$out"/trained/model/* "$out"/trained/train.jsonl "$out" 2>/dev/null
rm -rf "$out/trained"
cat "$out/steps.txt"
ls -l "$out"
