#!/usr/bin/env bash
# tyro 1.0.17 with typeguard 4.6.0, Python 3.11.
#
# For a field of type str | None, tyro loads typeguard to check the default, and typeguard loads
# unittest.mock and asyncio: some 50 ms of the start of every command. For Optional[str], which means
# the same, it does not. (tyro looks at typing.get_origin, which is types.UnionType for the first and
# typing.Union for the second; from Python 3.14 on both are one type.) A struct rule can hand tyro the
# second form for the first.
#
#   str | None: typeguard, unittest.mock, asyncio
#   Optional[str]: none
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet --disable-pip-version-check tyro==1.0.17 typeguard==4.6.0
for kind in 'str | None' 'Optional[str]'; do
    "$folder/env/bin/python" - "$kind" <<'EOF' | tee -a "$folder/said"
import dataclasses
import sys
from typing import Optional

import tyro

kind = sys.argv[1]
settings = dataclasses.make_dataclass("Settings", [("name", eval(kind), None)])
tyro.cli(settings, args=[])
loaded = [name for name in ("typeguard", "unittest.mock", "asyncio") if name in sys.modules]
print(f"{kind}: {', '.join(loaded) or 'none'}")
EOF
done
grep -qx 'str | None: typeguard, unittest.mock, asyncio' "$folder/said"
grep -qx 'Optional\[str\]: none' "$folder/said"
