#!/usr/bin/env bash
# Builds what the tests run, with Go: our programs on go-kit, and go-kit's own addsvc and addcli. Go's caches see to it that this is done once.
set -euo pipefail
cd "$(dirname "$0")/.."
mkdir -p .bin
# What is built says nothing of where it was built, nor of the working copy that it lies in.
flags=(-trimpath -buildvcs=false -ldflags='-s -w')
(cd go && go build "${flags[@]}" -o ../.bin/gokit .)
(cd go-tracing && go build "${flags[@]}" -o ../.bin/tracing .)
# They left go-kit's module after this release.
examples=github.com/go-kit/kit/examples
GOBIN=$PWD/.bin go install "${flags[@]}" "$examples"/{addsvc/cmd/addcli,addsvc/cmd/addsvc,profilesvc/cmd/profilesvc,stringsvc3}@v0.10.0
