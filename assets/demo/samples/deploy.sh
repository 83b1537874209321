#!/usr/bin/env bash
# Uploads a release and points `current` at it.
set -euo pipefail

release=${1:?usage: deploy.sh RELEASE}
bucket=${BUCKET:-hub-artifacts}

for file in dist/*.tar.gz; do
  aws s3 cp "$file" "s3://$bucket/releases/$release/${file##*/}"
done
printf '%s\n' "$release" | aws s3 cp - "s3://$bucket/releases/current"
