#!/usr/bin/env bash
# Makes src/gen and gen/thrift anew, after a change of what lies here. Needs Debian's protobuf-compiler and thrift-compiler; protoc-gen-es comes with the packages.
set -euo pipefail
cd "$(dirname "$0")/.."
export PATH="$PWD/node_modules/.bin:$PATH"
rm -rf src/gen gen/thrift
mkdir -p src/gen gen/thrift
protoc -I idl --es_out=src/gen --es_opt=target=ts,import_extension=ts idl/addsvc.proto
thrift --gen js:node,es6,ts -out gen/thrift idl/addsvc.thrift
echo '{ "type": "commonjs" }' >gen/thrift/package.json
