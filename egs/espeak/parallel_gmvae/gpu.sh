#!/usr/bin/env bash
# For a GPU: what a training step costs there, then a voice after ten minutes of training, and its
# phone error. Run it at the top of the repository; arguments are overrides of the training, MEASURE
# those of the measurement, as in MEASURE="peak_tflops=989".
set -euo pipefail
out=${OUT:-runs/gpu}
# shellcheck disable=SC2086 # several words
python -m recipes.measure_training "output=$out" ${MEASURE:-}
tts-vae prepare espeak --out data/espeak --utterances 3000 --seed 0
# as many steps as nine minutes hold of batches longer than most; the rest is for reading and validating
steps=$(python -c "import json, sys; print(int(540 * json.load(open(sys.argv[1] + '/metrics.json'))\
['experiments']['espeak/parallel_gmvae']['steps_per_s']))" "$out")
time tts-vae train experiment=espeak/parallel_gmvae "trainer=${TRAINER:-gpu}" "steps=$steps" \
  "output=$out/espeak" "$@"
[ -d "$out/espeak/voice/vocoder" ] || cp -r tts_vae/voices/vocoder "$out/espeak/voice/vocoder"
tts-vae evaluate --voice "$out/espeak/voice" --only intelligibility,speed --out "$out/evaluation"
