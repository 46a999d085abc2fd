"""`python3 -m images`: see `images.build.main`."""

import sys

from images.build import main

sys.exit(main(sys.argv[1:]))
