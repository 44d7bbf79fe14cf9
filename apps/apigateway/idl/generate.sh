#!/usr/bin/env bash
# Makes src/gen anew, after a change of what lies here. Needs Debian's protobuf-compiler; protoc-gen-es comes with the packages.
set -euo pipefail
cd "$(dirname "$0")/.."
export PATH="$PWD/node_modules/.bin:$PATH"
rm -rf src/gen
mkdir -p src/gen
protoc -I idl --es_out=src/gen --es_opt=target=ts,import_extension=ts idl/addsvc.proto
