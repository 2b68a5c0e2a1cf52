"""A sound as the bytes of the file that the command line would write."""

import io

from tts_vae.synthesis.speech import Speech


def wav_bytes(speech: Speech) -> bytes:
    """A 16-bit WAV file, byte for byte what ``speech.write`` puts on disk."""
    import soundfile

    file = io.BytesIO()
    with soundfile.SoundFile(
        file, "w", samplerate=speech.sample_rate, channels=1, subtype="PCM_16", format="WAV"
    ) as sound:
        sound.write(speech.waveform)
    return file.getvalue()
