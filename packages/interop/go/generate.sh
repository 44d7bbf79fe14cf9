#!/usr/bin/env bash
# Makes gen/ anew from idl/: bash packages/interop/go/generate.sh. It takes Debian's protobuf-compiler and thrift-compiler, and Go.
set -euo pipefail
cd "$(dirname "$0")"
export GOBIN=$PWD/../.bin
export PATH=$GOBIN:$PATH
# The versions that go with go-kit's go.mod.
go install google.golang.org/protobuf/cmd/protoc-gen-go@v1.27.1
go install google.golang.org/grpc/cmd/protoc-gen-go-grpc@v1.1.0
rm -rf gen
mkdir -p gen
protoc --go_out=. --go_opt=module=kit/interop --go-grpc_out=. --go-grpc_opt=module=kit/interop idl/interop.proto
thrift --gen go:package_prefix=kit/interop/gen/,skip_remote -out gen idl/interop.thrift
gofmt -w gen
