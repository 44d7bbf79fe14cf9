#!/usr/bin/env bash
# Makes go/gen anew from src/grpc/sum.proto. It takes Debian's protobuf-compiler, and Go.
set -euo pipefail
cd "$(dirname "$0")/.."
export GOBIN=$PWD/.bin
export PATH=$GOBIN:$PATH
rm -rf go/gen
mkdir -p go/gen
go install google.golang.org/protobuf/cmd/protoc-gen-go@v1.36.12
go install google.golang.org/grpc/cmd/protoc-gen-go-grpc@v1.6.0
package='Msum.proto=kit/bench/gen/pb'
protoc -I src/grpc --go_out=go --go_opt=module=kit/bench,"$package" --go-grpc_out=go --go-grpc_opt=module=kit/bench,"$package" sum.proto
gofmt -w go/gen
