"""One number per phone, such as its duration or pitch, from text and style."""

from torch import Tensor, nn

from tts_vae.models.speech.layers import ConvStack


class PhonePredictor(nn.Module):
    """One number per phone from text and style."""

    def __init__(
        self, width: int, style_width: int, layers: int, kernel_size: int, dropout: float
    ) -> None:
        super().__init__()
        self.style = nn.Linear(style_width, width)
        self.stack = ConvStack(width, layers, kernel_size, style_width, dropout)
        self.output = nn.Linear(width, 1)

    def forward(self, text: Tensor, mask: Tensor, style: Tensor) -> Tensor:
        """(batch, phones, width), mask, style (batch, phones, style_width) -> (batch, phones)."""
        return self.output(self.stack(text + self.style(style), mask, style)).squeeze(-1).float()
