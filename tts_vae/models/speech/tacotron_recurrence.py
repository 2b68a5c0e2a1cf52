"""Tacotron 2's recurrent middle: prenet, attention LSTM, attention, decoder LSTM, projections.

In teacher forcing only the attention LSTM and the attention run step by step: nothing of the second
LSTM feeds back into them, so it follows in one go, and so do both projections. What the steps
multiply by is shared (:mod:`tts_vae.models.speech.shared_matmul`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tts_vae.models.speech.attention import Attention, State
from tts_vae.models.speech.packed_linear import wide_linear
from tts_vae.models.speech.shared_matmul import SharedMatmul
from tts_vae.models.speech.tacotron_cells import (
    HiddenDropout,
    Keep,
    LstmLayer,
    Prenet,
    Zoneout,
    lstm_cell,
    run_lstm,
)


@dataclass
class Unrolled:
    """All steps of a batch.

    Attributes:
        mels: (batch, frames, n_mels), frames = steps * frames_per_step.
        stop_logits: (batch, steps).
        alignments: (batch, steps, tokens).
    """

    mels: Tensor
    stop_logits: Tensor
    alignments: Tensor


@dataclass
class Scene:
    """What does not change from step to step.

    Attributes:
        memory: (batch, tokens, memory_width), to be multiplied by weights.
        query: projection of the query.
        recurrent: recurrent product of the attention LSTM, over (hidden state, context).
        attended: the attention's own constants.
    """

    memory: SharedMatmul
    query: SharedMatmul
    recurrent: SharedMatmul
    attended: Any


class TacotronRecurrence(nn.Module):
    """From text memory and the last frames to the next ones (Shen et al. 2018, 2.2).

    Args:
        n_mels: mel bands.
        memory_width: width of a token in the text memory, style included.
        attention: how it attends.
        prenet_widths: units of the prenet's layers.
        prenet_dropout: dropout of the prenet, in training and after.
        attention_units: of the first LSTM.
        decoder_units: of the second LSTM.
        regulariser: zoneout (paper) or dropout of the hidden states.
        most_frames: largest number of frames a step may make.
    """

    def __init__(
        self,
        n_mels: int,
        memory_width: int,
        attention: Attention,
        prenet_widths: Sequence[int] = (256, 256),
        prenet_dropout: float = 0.5,
        attention_units: int = 1024,
        decoder_units: int = 1024,
        regulariser: Zoneout | HiddenDropout | None = None,
        most_frames: int = 1,
    ) -> None:
        super().__init__()
        self.n_mels = n_mels
        self.attention = attention
        self.regulariser = Zoneout() if regulariser is None else regulariser
        self.prenet = Prenet(n_mels, prenet_widths, prenet_dropout)
        self.attention_lstm = LstmLayer(prenet_widths[-1] + memory_width, attention_units)
        self.query = nn.Linear(attention_units, attention.width, bias=attention.query_bias)
        if attention.uses_keys:
            self.keys = nn.Linear(memory_width, attention.width, bias=False)
        self.decoder_lstm = LstmLayer(attention_units + memory_width, decoder_units)
        self.to_mels = nn.Linear(decoder_units + memory_width, most_frames * n_mels)
        self.to_stop = nn.Linear(decoder_units + memory_width, 1)
        for linear in (self.query, getattr(self, "keys", None)):
            if linear is not None:
                nn.init.xavier_uniform_(linear.weight, gain=5 / 3)

    def begin(
        self, memory: Tensor, mask: Tensor, dtype: torch.dtype | None
    ) -> tuple[Scene, State, Tensor]:
        """Constants of a batch, the attention's first state, and a context of zeros.

        Args:
            memory: (batch, tokens, memory_width) float32.
            mask: (batch, tokens) bool.
            dtype: of the LSTM's product, None for float32.
        """
        lstm = self.attention_lstm
        prenet_width = lstm.input_size - memory.shape[-1]
        recurrent = torch.cat([lstm.weight_hh_l0, lstm.weight_ih_l0[:, prenet_width:]], 1)
        keys = self.keys(memory) if self.attention.uses_keys else None
        attended, state = self.attention.begin(keys, mask)
        scene = Scene(
            SharedMatmul(memory, 1),
            SharedMatmul(self.query.weight.t(), len(memory)),
            SharedMatmul(recurrent.t(), len(memory), dtype),
            attended,
        )
        return scene, state, memory.new_zeros(len(memory), memory.shape[-1])

    def gates_of(self, x: Tensor, memory_width: int) -> Tensor:
        """The prenet's part in the gates of the attention LSTM, (..., 4 units) float32."""
        lstm = self.attention_lstm
        weight = lstm.weight_ih_l0[:, : lstm.input_size - memory_width]
        return wide_linear(x, weight, lstm.summed_bias, reduced_type(x.device))

    def attend(
        self,
        gates: Tensor,
        recurrent: tuple[Tensor, Tensor, Tensor],
        keep: Keep,
        scene: Scene,
        state: State,
        allowed: Tensor | None = None,
    ) -> tuple[tuple[Tensor, Tensor, Tensor], State]:
        """One step of attention LSTM and attention.

        Args:
            gates: (batch, 4 units), the prenet's part.
            recurrent: hidden state, cell and context.
            keep: of the regulariser.
            scene: of :meth:`begin`.
            state: of the attention.
            allowed: (batch, tokens) bool, or None.

        Returns:
            The new hidden state, cell and context, and the attention's state.
        """
        hidden, cell, context = recurrent
        gates = scene.recurrent(torch.cat([hidden, context], 1), gates)
        hidden, cell = lstm_cell(gates, hidden, cell, keep)
        query = scene.query(hidden)
        if self.attention.query_bias:
            query = query + self.query.bias
        weights, state = self.attention.step(query, scene.attended, state, allowed)
        return (hidden, cell, scene.memory(weights.unsqueeze(1)).squeeze(1)), state

    def forward(
        self,
        memory: Tensor,
        mask: Tensor,
        previous: Tensor,
        frames_per_step: int,
        generator: torch.Generator | None = None,
    ) -> Unrolled:
        """All steps of a batch whose frames are known (teacher forcing).

        Args:
            memory: (batch, tokens, memory_width).
            mask: (batch, tokens) bool.
            previous: (steps, batch, n_mels), the last frame before every step.
            frames_per_step: frames a step makes.
            generator: of the prenet's dropout, one mask for the batch; None draws for every item
                from the global state.
        """
        steps, batch, _ = previous.shape
        dtype = reduced_type(memory.device)
        memory = memory.float()
        every_gate = self.gates_of(self.prenet(previous, generator), memory.shape[-1])
        with torch.autocast(memory.device.type, enabled=False):
            scene, state, context = self.begin(memory, mask, dtype)
            zeros = memory.new_zeros(batch, self.attention_lstm.hidden_size)
            keep = self.regulariser(zeros, steps)
            recurrent = (zeros, zeros, context)
            hiddens, contexts, alignments = [], [], []
            for step, gates in enumerate(every_gate.unbind(0)):
                recurrent, state = self.attend(gates, recurrent, keep.at(step), scene, state)
                hiddens.append(recurrent[0])
                contexts.append(recurrent[2])
                alignments.append(state[0])
            seen = torch.stack(contexts)
            inputs = torch.cat([torch.stack(hiddens), seen], -1)
        second = memory.new_zeros(batch, self.decoder_lstm.hidden_size)
        decoded = run_lstm(self.decoder_lstm, inputs, self.regulariser(second, steps), dtype)
        mels, stop = self.project(torch.cat([decoded.float(), seen], -1), frames_per_step)
        mels = mels.transpose(0, 1).reshape(batch, -1, self.n_mels)
        return Unrolled(mels, stop.transpose(0, 1), torch.stack(alignments, 1))

    def entrances(
        self, memory_width: int, rows: int, dtype: torch.dtype | None
    ) -> tuple[SharedMatmul, SharedMatmul]:
        """For free running: products of the prenet's part in the first LSTM, and of the second.

        The second one multiplies (attention LSTM, context, own hidden state) side by side.
        """
        first, second = self.attention_lstm, self.decoder_lstm
        prenet = first.weight_ih_l0[:, : first.input_size - memory_width]
        both = torch.cat([second.weight_ih_l0, second.weight_hh_l0], 1)
        return SharedMatmul(prenet.t(), rows, dtype), SharedMatmul(both.t(), rows, dtype)

    def project(self, x: Tensor, frames_per_step: int) -> tuple[Tensor, Tensor]:
        """Frames (..., frames_per_step * n_mels) and stop logits (...) of decoder outputs."""
        used = frames_per_step * self.n_mels
        mels = F.linear(x, self.to_mels.weight[:used], self.to_mels.bias[:used])
        return mels.float(), self.to_stop(x).squeeze(-1).float()


def reduced_type(device: torch.device) -> torch.dtype | None:
    """The type of autocast where it is on, else None."""
    kind = device.type
    return torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else None
