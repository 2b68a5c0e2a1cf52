"""A reference encoder that knows the words: the posterior of Capacitron, q(z | mels, text)."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from tts_vae.models.speech.reference_encoder import RecognitionTargets, ReferenceEncoder
from tts_vae.models.speech.speaker_centring import SpeakerCentring


class TextConditionedEncoder(nn.Module):
    """Features of a reference joined with a summary of its text (Battenberg et al. 2019).

    arXiv 1906.03402, section 4: a posterior that is told the text need not spend its capacity on
    which phones were said. The summary is the last state of a GRU over the tokens.

    Args:
        reference: mels, mask -> (batch, reference_width).
        reference_width: width of its features.
        n_symbols: size of the symbol table; token 0 is padding.
        feature_width: width of the result.
        text_width: of symbols and summary.
        centring: takes from the result what is usual for the speaker; None leaves it in.
    """

    def __init__(
        self,
        reference: ReferenceEncoder,
        reference_width: int,
        n_symbols: int,
        feature_width: int = 128,
        text_width: int = 128,
        centring: SpeakerCentring | None = None,
    ) -> None:
        super().__init__()
        self.reference = reference
        self.centring = centring
        self.embedding = nn.Embedding(n_symbols, text_width, padding_idx=0)
        self.summary = nn.GRU(text_width, text_width, batch_first=True)
        self.join = nn.Sequential(
            nn.Linear(reference_width + text_width, feature_width),
            nn.Tanh(),
            nn.Linear(feature_width, feature_width),
            nn.Tanh(),
        )

    def fit_statistics(self, batches: Sequence[RecognitionTargets]) -> None:
        """Set the units of the reference encoder from data; call once before training."""
        self.reference.fit_statistics(batches)

    def recognition(self, batch: RecognitionTargets) -> dict[str, Tensor]:
        """What is learned besides, each (batch,) nats."""
        terms = self.reference.recognition(batch)
        if self.centring is not None:
            mels = self.reference.standardise(batch.mels)
            terms |= self.centring.log_likelihood(mels, batch.mel_mask, batch.speaker)
        return terms

    def forward(self, mels: Tensor, mask: Tensor, *, condition: Tensor) -> Tensor:
        """Encode references.

        Args:
            mels: (batch, frames, n_mels).
            mask: (batch, frames) bool.
            condition: (batch, tokens) int64, the tokens of the batch, 0 in the padding.

        Returns:
            (batch, feature_width).
        """
        features = self.reference(mels, mask).float()
        with torch.autocast(mels.device.type, enabled=False):
            states, _ = self.summary(self.embedding(condition))
        last = ((condition > 0).sum(1) - 1).clamp(min=0)
        summary = states[torch.arange(len(last), device=last.device), last]
        features = self.join(torch.cat([features, summary], -1))
        if self.centring is not None:
            features = self.centring(features, self.reference.standardise(mels), mask)
        return features
