"""`python3 -m images`: see `images.build.main`. What root builds in another user's cache can be read by that user."""

import os
import sys

from images.build import main

os.umask(0o022)
sys.exit(main(sys.argv[1:]))
