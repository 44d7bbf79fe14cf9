#!/usr/bin/env bash
# Builds go-kit's contenders, with Go. Its caches see to it that this is done once.
set -euo pipefail
cd "$(dirname "$0")/.."
mkdir -p .bin
# What is built says nothing of where it was built, nor of the working copy that it lies in.
(cd go && go build -trimpath -buildvcs=false -ldflags='-s -w' -o ../.bin/gokit .)
