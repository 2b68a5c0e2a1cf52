"""How it is trained: one scalar loss from a log-likelihood and named latent sites.

The only place that averages, and only over the batch (and over draws of the posterior).
"""

from tts_vae.objectives.capacity import Capacity
from tts_vae.objectives.contract import Objective, ObjectiveOutput
from tts_vae.objectives.elbo import Elbo
from tts_vae.objectives.importance import (
    ImportanceWeighted,
    evaluate_bound,
    importance_bound,
    log_weights,
)
from tts_vae.objectives.schedules import Constant, Cosine, Linear, Schedule, Sigmoid

__all__ = [
    "Capacity",
    "Constant",
    "Cosine",
    "Elbo",
    "ImportanceWeighted",
    "Linear",
    "Objective",
    "ObjectiveOutput",
    "Schedule",
    "Sigmoid",
    "evaluate_bound",
    "importance_bound",
    "log_weights",
]
