"""The one door through which style reaches a decoder: site values -> one vector per phone."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn


class StyleDoor(nn.Module):
    """Sum of linear maps of every site, broadcast over phones where a site has one value.

    Args:
        site_widths: site name -> width of its z.
        width: width of the style vector.

    Shape:
        values {site: (batch, width_i) or (batch, phones, width_i)} -> (batch, phones, width).
    """

    def __init__(self, site_widths: Mapping[str, int], width: int) -> None:
        super().__init__()
        self.width = width
        self.projections = nn.ModuleDict(
            {site: nn.Linear(site_width, width) for site, site_width in site_widths.items()}
        )

    def forward(self, values: Mapping[str, Tensor], phones: int) -> Tensor:
        """Return one style vector per phone.

        Raises:
            ValueError: if the sites are not exactly those the door was built for, or a per-phone
                value has another number of phones.
        """
        if set(values) != set(self.projections):
            raise ValueError(
                f"style needs values for sites {sorted(self.projections)}, got {sorted(values)}"
            )
        parts = []
        for site, projection in self.projections.items():
            value = values[site]
            if value.dim() == 2:
                value = value.unsqueeze(1)
            elif value.shape[1] != phones:
                raise ValueError(
                    f"site {site}: per-phone value for {value.shape[1]} phones, text has {phones}"
                )
            parts.append(projection(value).expand(-1, phones, -1))
        return torch.stack(parts).sum(0)
