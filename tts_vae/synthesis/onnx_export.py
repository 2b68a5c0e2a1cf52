"""A voice as ONNX files that speak without us: tokens and style -> mels (-> waveform).

One graph with shapes that follow the text: upsampling by duration is inside it, so nothing is left
to write around it. The files are compared with torch before they appear under their names.
"""

import logging
import os
import shutil
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from tts_vae.models.speech.parallel import ParallelDecoder
from tts_vae.models.vocoder.istft_vocoder import IstftVocoder
from tts_vae.synthesis.onnx_check import Agreement, compare
from tts_vae.synthesis.onnx_folder import ACOUSTIC, VOCODER, descriptions
from tts_vae.synthesis.told_pitch import spoken_f0, tells_pitch
from tts_vae.synthesis.vocoders import choose_vocoder
from tts_vae.synthesis.voice import Voice
from tts_vae.synthesis.voice_folders import find_voice

OPSET = 20
"""Version of ONNX's operators: the first with both DFT as the vocoder uses it and Gelu."""

EXAMPLE = "The quick brown fox."
LONGEST = 1 << 16  # phones or frames that the graphs are told to expect at most


class AcousticGraph(nn.Module):
    """The decoder as one function of tensors, for one utterance without padding.

    Args:
        decoder: a parallel decoder.
    """

    def __init__(self, decoder: ParallelDecoder) -> None:
        super().__init__()
        self.decoder = decoder

    def forward(
        self,
        tokens: Tensor,
        pitch_shift_st: Tensor,
        rate: Tensor,
        energy_shift_db: Tensor,
        style: Mapping[str, Tensor],
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Speak.

        Args:
            tokens: (1, phones) int64.
            pitch_shift_st: (1,) semitones.
            rate: (1,) factor of the speaking rate.
            energy_shift_db: (1,) dB.
            style: site -> (1, width).

        Returns:
            Mels (1, frames, n_mels), durations (1, phones) int64 frames, pitch (1, phones)
            semitones re 55 Hz, and as the contour (1, frames) Hz that the mels have.
        """
        made = self.decoder.generate(
            tokens,
            torch.ones_like(tokens, dtype=torch.bool),
            style,
            pitch_shift_st=pitch_shift_st,
            rate=rate,
            energy_shift_db=energy_shift_db,
        )
        f0_hz = spoken_f0(made.durations, made.pitch_st, made.mels.shape[1])
        return made.mels, made.durations, made.pitch_st, f0_hz


def export_onnx(
    voice: str | Path,
    out: str | Path,
    vocoder: str | Path | None = None,
    threads: int | None = None,
) -> tuple[Path, Agreement]:
    """Write a voice as ONNX and compare what the files say with what torch says.

    The folder gets acoustic.onnx, vocoder.onnx (where the voice speaks through a trained vocoder),
    tokens.json (token -> number), voice.json (sizes, units, vectors of every speaker and component)
    and README.md with a program that speaks.

    Args:
        voice: name of a shipped voice, or a folder.
        out: folder to write; created, or its files replaced.
        vocoder: as ``Voice.load`` takes it.
        threads: CPU threads of torch; None leaves the setting of the process.

    Returns:
        The folder, and how far the files agree with torch.

    Raises:
        ImportError: if the extra ``export`` is not installed.
        ValueError: if the voice cannot be exported, or the files say something else than torch.
    """
    _import_onnx()
    out, folder = Path(out), find_voice(voice)
    loaded = Voice.load(folder, vocoder="griffin-lim", threads=threads)
    bundle = loaded.bundle
    decoder = bundle.model.decoder
    if not isinstance(decoder, ParallelDecoder):
        raise ValueError(
            f"{folder} cannot be exported: its decoder is a {type(decoder).__name__}, which makes "
            "one frame after another; a voice with a ParallelDecoder can"
        )
    neural = _network(choose_vocoder(vocoder, folder, bundle.mel))
    heard = ("mels", "f0_hz") if tells_pitch(decoder, neural) else ("mels",)
    out.parent.mkdir(parents=True, exist_ok=True)
    partial = out.parent / f".{out.name}.partial-{os.getpid()}"
    shutil.rmtree(partial, ignore_errors=True)
    try:
        partial.mkdir()
        with _quietly(), torch.no_grad():
            _export_acoustic(loaded, decoder, partial / ACOUSTIC)
            if neural is not None:
                _export_vocoder(neural, heard, partial / VOCODER)
        name = str(bundle.metadata.get("experiment") or folder.name)
        for file_name, text in descriptions(loaded, name, EXAMPLE, heard if neural else ()).items():
            (partial / file_name).write_text(text, encoding="utf-8")
        agreement = compare(loaded, neural, heard, partial)
        out.mkdir(exist_ok=True)
        if neural is None:  # that of an earlier export belongs to other mels
            (out / VOCODER).unlink(missing_ok=True)
        for file in sorted(partial.iterdir()):
            os.replace(file, out / file.name)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return out, agreement


def _export_acoustic(voice: Voice, decoder: ParallelDecoder, path: Path) -> None:
    import onnxscript

    op: Any = onnxscript.opset20

    def searchsorted(
        sorted_sequence: Any,
        values: Any,
        out_int32: bool = False,
        right: bool = False,
        side: str | None = None,
        sorter: Any = None,
    ) -> Any:
        """ONNX has no search: count the boundaries at or before each value, (batch, values)."""
        if not right or out_int32 or side or sorter:
            raise ValueError("expected a search from the right; add the other kinds here")
        boundaries = op.Unsqueeze(sorted_sequence, op.Constant(value_ints=[1]))
        reached = op.GreaterOrEqual(op.Unsqueeze(values, op.Constant(value_ints=[2])), boundaries)
        return op.ReduceSum(op.Cast(reached, to=7), op.Constant(value_ints=[2]), keepdims=0)

    style = {site: value.unsqueeze(0) for site, value in voice.style().values.items()}
    ids = [voice.bundle.symbols.index(phone) for phone in voice.phonemize(EXAMPLE)[0]]
    inputs = (torch.tensor([ids]), torch.zeros(1), torch.ones(1), torch.zeros(1), style)
    phones = torch.export.Dim("phones", min=2, max=LONGEST)
    shapes = ({1: phones}, None, None, None, dict.fromkeys(style))
    try:
        # strict: the number of frames is read from the durations, which only tracing of the
        # Python code itself can follow
        traced = torch.export.export(
            AcousticGraph(decoder).eval(), inputs, dynamic_shapes=shapes, strict=True
        )
        program = torch.onnx.export(
            traced,
            dynamo=True,
            opset_version=OPSET,
            input_names=[
                *("tokens", "pitch_shift_st", "rate", "energy_shift_db"),
                *(f"style_{site}" for site in style),
            ],
            output_names=["mels", "durations", "pitch_st", "f0_hz"],
            custom_translation_table={torch.ops.aten.searchsorted.Tensor: searchsorted},
            verbose=False,
        )
    except (torch.onnx.errors.OnnxExporterError, RuntimeError) as error:
        raise _refused(type(decoder).__name__, error) from error
    _save(program, path)


def _export_vocoder(network: IstftVocoder, heard: Sequence[str], path: Path) -> None:
    frames = torch.export.Dim("frames", min=2, max=LONGEST)
    examples = {"mels": torch.zeros(1, 50, network.n_mels), "f0_hz": torch.full((1, 50), 100.0)}
    inputs = {name: examples[name] for name in heard}
    try:
        program = torch.onnx.export(
            network,
            kwargs=inputs,
            dynamo=True,
            opset_version=OPSET,
            dynamic_shapes={name: {1: frames} for name in inputs},
            input_names=list(inputs),
            output_names=["waveform"],
            verbose=False,
        )
    except (torch.onnx.errors.OnnxExporterError, RuntimeError) as error:
        raise _refused(type(network).__name__, error) from error
    _save(program, path)


def _save(program: Any, path: Path) -> None:
    program.save(path, external_data=False)


def _network(vocoder: Any) -> IstftVocoder | None:
    """The network of a vocoder; None for Griffin-Lim, which is no graph."""
    if vocoder is None:
        return None
    from tts_vae.synthesis.vocoder_bundle import NeuralVocoder

    if not isinstance(vocoder, NeuralVocoder):
        raise ValueError(
            f"cannot export a {type(vocoder).__name__}; export the voice alone with "
            "vocoder griffin-lim, and the vocoder with its own tools"
        )
    network: IstftVocoder = vocoder.bundle.model
    return network


def _refused(name: str, error: Exception) -> ValueError:
    reason = " ".join(str(error.__cause__ or error).split())[:300]
    return ValueError(
        f"this voice cannot be exported: torch.onnx could not follow its {name} ({reason}); "
        "speak it with `tts-vae speak`"
    )


def _import_onnx() -> None:
    try:
        import onnxruntime  # noqa: F401
        import onnxscript  # noqa: F401
    except ImportError as error:
        raise ImportError(
            f"exporting needs an optional extra ({error}): run pip install 'tts_vae[export]'"
        ) from error


@contextmanager
def _quietly() -> Iterator[None]:
    """Without what torch tells its own developers about the export."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
