#!/usr/bin/env bash
# safetensors 0.8.0 with numpy 2.4.6, Python 3.11 to 3.14.
#
# safetensors.numpy.save takes an array that is a view, or that is stored by columns, and writes the
# numbers in the order in which they lie in memory, with the shape of the array. No error, and what is
# read back has the right shape and type, but other values. PCA.components_ of scikit-learn 1.8.0 is
# such an array. 0.7.0 wrote them right.
#
#   0.7.0  as written: True True True
#   0.8.0  as written: False False False
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
for version in 0.7.0 0.8.0; do
    python3 -m venv "$folder/$version"
    "$folder/$version/bin/pip" install --quiet --disable-pip-version-check \
        "safetensors==$version" numpy==2.4.6 scikit-learn==1.8.0
    "$folder/$version/bin/python" -c '
import sys
import numpy as np
from safetensors.numpy import load, save
from sklearn.decomposition import PCA
rows = np.arange(12.0).reshape(3, 4)
components = PCA(2).fit(np.random.default_rng(0).standard_normal((50, 4))).components_
arrays = [np.asfortranarray(rows), rows[:, ::2], components]
same = [np.array_equal(load(save({"a": a}))["a"], a) for a in arrays]
print(sys.argv[1], " as written:", *same)' "$version" | tee -a "$folder/said"
done
grep -qx '0.7.0  as written: True True True' "$folder/said"
grep -qx '0.8.0  as written: False False False' "$folder/said"
