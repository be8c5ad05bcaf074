#!/usr/bin/env bash
# The main job, end to end, with other people's programs. The first argument is the folder with the built daemon.
set -euo pipefail
top=$(cd "$(dirname "$0")/../.." && pwd)
built=${1:?usage: demo.sh FOLDER-WITH-THE-BUILT-DAEMON}
exec "$top/.venv/bin/python" "$top/tests/clients/demo.py" "$(cd "$built" && pwd)"
