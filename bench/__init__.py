"""Each figure that the README quotes, by one command. The functions stand on the path as in their zips."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lambda"))
