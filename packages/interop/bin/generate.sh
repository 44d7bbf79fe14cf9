#!/usr/bin/env bash
# Makes go/gen and test/gen anew from idl/. It takes Debian's protobuf-compiler and thrift-compiler, and Go; protoc-gen-es comes with `pnpm install`.
set -euo pipefail
cd "$(dirname "$0")/.."
export GOBIN=$PWD/.bin
export PATH=$GOBIN:$PWD/node_modules/.bin:$PATH
rm -rf go/gen test/gen
mkdir -p go/gen test/gen/pb test/gen/thrift

# The versions that go with go-kit's go.mod.
go install google.golang.org/protobuf/cmd/protoc-gen-go@v1.27.1
go install google.golang.org/grpc/cmd/protoc-gen-go-grpc@v1.1.0
protoc -I idl --go_out=go --go_opt=module=kit/interop --go-grpc_out=go --go-grpc_opt=module=kit/interop interop.proto
thrift --gen go:package_prefix=kit/interop/gen/,skip_remote -out go/gen idl/interop.thrift
gofmt -w go/gen

protoc -I idl --es_out=test/gen/pb --es_opt=target=ts,import_extension=ts interop.proto
thrift --gen js:node,es6,ts -out test/gen/thrift idl/interop.thrift
echo '{ "type": "commonjs" }' >test/gen/thrift/package.json
