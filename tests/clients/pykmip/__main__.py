"""Everything that PyKMIP asks for, over every version that it speaks: run as `pykmip DEV.JSON [WORD…]`.

Each case is run once for each of its versions; words choose cases by their names. It ends in "N held" or, after telling
of every case that did not hold, with status 1.
"""

import json
import logging
import pathlib
import sys

import attributes
import deriving
import finding
import keys
import lifecycle
import objects
import scene
import server
import working

# It says at every connection that it has no configuration file, and logs what it raises as well.
logging.disable(logging.CRITICAL)

MODULES = [server, objects, keys, attributes, finding, lifecycle, deriving, working]

doors = json.loads(pathlib.Path(sys.argv[1]).read_text())
sys.exit(scene.play(doors, [case for module in MODULES for case in scene.cases(module)], sys.argv[2:]))
