"""Small Tacotrons and batches for their tests."""

import torch
from speech_targets import Targets

from tts_vae.models.likelihoods import BernoulliLikelihood, GaussianLikelihood
from tts_vae.models.speech.attention import LocationSensitiveAttention
from tts_vae.models.speech.attention_dca import DynamicConvolutionAttention
from tts_vae.models.speech.attention_gmm import GaussianMixtureAttention
from tts_vae.models.speech.tacotron import TacotronDecoder
from tts_vae.models.speech.tacotron_cells import Zoneout
from tts_vae.models.speech.tacotron_encoder import TacotronTextEncoder
from tts_vae.models.speech.tacotron_postnet import Postnet

SYMBOLS, MELS = 20, 6
ATTENTIONS = {
    "location": lambda: LocationSensitiveAttention(8, filters=4, kernel_size=5),
    "dca": lambda: DynamicConvolutionAttention(8, 4, 3, kernel_size=9, prior_length=5),
    "gmm": lambda: GaussianMixtureAttention(8, components=3),
}


def make_decoder(attention="location", *, sites=None, masked=True, **options):
    """A decoder with 12 and 15 units; options are those of TacotronDecoder."""
    likelihoods = {
        "mels": GaussianLikelihood(1.0),
        "mels_before": GaussianLikelihood(2.0),
        "stop": BernoulliLikelihood(),
        "pitch_level": GaussianLikelihood(2.0),
    }
    defaults = {
        "style_width": 5,
        "prenet_widths": (10, 10),
        "attention_units": 12,
        "decoder_units": 15,
        "regulariser": Zoneout(0.1),
    }
    return TacotronDecoder(
        TacotronTextEncoder(SYMBOLS, 16, masked=masked),
        {"speaker": 3, "prosody": 4} if sites is None else sites,
        MELS,
        likelihoods,
        ATTENTIONS[attention](),
        Postnet(MELS, 14, layers=3, masked=masked),
        **{**defaults, **options},
    )


def make_targets(phones=(9, 6), seed=0):
    """Utterances of 1 to 4 frames a phone."""
    generator = torch.Generator().manual_seed(seed)
    lengths = torch.tensor(phones).unsqueeze(1)
    mask = torch.arange(max(phones)) < lengths
    shape = mask.shape
    durations = torch.randint(1, 5, shape, generator=generator) * mask
    frames = durations.sum(1, keepdim=True)
    mel_mask = torch.arange(int(frames.max())) < frames
    mels = torch.randn(*mel_mask.shape, MELS, generator=generator) * mel_mask.unsqueeze(-1)
    return Targets(
        tokens=torch.randint(1, SYMBOLS, shape, generator=generator) * mask,
        token_mask=mask,
        mels=mels,
        mel_mask=mel_mask,
        durations=durations,
        pitch_st=torch.randn(shape, generator=generator) + 20,
        energy_db=torch.zeros(shape),
        voiced=torch.ones(shape),
    )


def make_values(batch=2, seed=2):
    generator = torch.Generator().manual_seed(seed)
    widths = {"speaker": 3, "prosody": 4}
    return {site: torch.randn(batch, w, generator=generator) for site, w in widths.items()}


def one_item(targets, values, item):
    """An item alone, without the padding that the batch gave it."""
    phones, frames = int(targets.token_mask[item].sum()), int(targets.mel_mask[item].sum())
    alone = {
        name: tensor[item : item + 1, : frames if name.startswith("mel") else phones]
        for name, tensor in vars(targets).items()
    }
    return Targets(**alone), {site: z[item : item + 1] for site, z in values.items()}
