"""``python -m tts_vae`` is ``tts-vae``."""

import sys

from tts_vae.cli import main

if __name__ == "__main__":
    sys.exit(main())
