"""``python -m tts_vae.cli`` is ``tts-vae``."""

import sys

from tts_vae.cli import main

sys.exit(main())
