#!/usr/bin/env bash
# The same experiments on MNIST; its four IDX files lie below ROOT. Run it at the top of the
# repository, on a GPU with trainer=gpu. Arguments are overrides of every run.
set -euo pipefail
for name in ${EXPERIMENTS:-ae vae_bernoulli vae_gaussian vae_cholesky vae_2d beta capacity cvae vade \
  iwae_5 iwae_50 iwae_2layer hierarchy vqvae vqvae_ema vqvae2 dvae dalle pixelcnn}; do
  python -m recipes.train "experiment=mnist/$name" "corpus.root=${ROOT:?where the IDX files are}" \
    resume=true "$@"
done
