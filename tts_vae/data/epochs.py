"""Epochs that follow one another, and may be continued from within: what every order of ours is."""

from collections.abc import Iterator


class ResumableEpochs:
    """Counts epochs and the batches given out, for a sampler or loader whose order is theirs.

    Attributes:
        epoch: that the next iteration draws; it advances by itself.
        position: batches of it that were given out.
    """

    epoch = 0
    position = 0
    _resume_at = 0

    def set_epoch(self, epoch: int) -> None:
        """The epoch that the next iteration draws; another one than now starts at its beginning."""
        if epoch != self.epoch:
            self.epoch, self.position, self._resume_at = epoch, 0, 0

    def state_dict(self) -> dict[str, int]:
        """Where the iteration is: the epoch and how many of its batches were given out."""
        return {"epoch": self.epoch, "position": self.position}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """The next iteration continues there; later ones start at the beginning again."""
        self.epoch, self.position = state["epoch"], state["position"]
        self._resume_at = state["position"]

    def _numbers(self, batches: int) -> Iterator[int]:
        """Numbers of the batches that this epoch still has to give out, of so many."""
        start, self._resume_at = self._resume_at, 0
        self.position = start
        for number in range(start, batches):
            self.position = number + 1
            yield number
        self.epoch, self.position = self.epoch + 1, 0
