#!/bin/bash
# EMR runs this on each node before Spark: the steps' Python environment, from its archive in S3.
#     emr_bootstrap.sh s3://BUCKET/KEY
# Its last line loads what the steps load: a node on which that fails ends the cluster here, with the reason in
# the bootstrap action's stderr, and what was loaded is compiled for good (only root may write there).
set -euo pipefail
archive=$1
folder=/opt/cadabra

sudo mkdir -p "$folder"
aws s3 cp --no-progress "$archive" - | sudo tar --extract --gzip --no-same-owner --directory "$folder"
ldconfig -p | grep libgomp.so.1 > /dev/null || sudo dnf install --assumeyes --quiet libgomp  # LightGBM's wheel has none
sudo "$folder/bin/python" -c "import boto3, lightgbm, matplotlib.figure, numba, pandas, pyarrow.dataset, rich, scipy.sparse, threadpoolctl"
