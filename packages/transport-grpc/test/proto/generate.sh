#!/usr/bin/env bash
# Regenerates src/generated from grpc/*.proto, which are gRPC's own messages, and test/generated from the tests'. Needs protoc (Debian: protobuf-compiler);
# protoc-gen-es comes with `pnpm install`.
set -euo pipefail
cd "$(dirname "$0")/../.."
export PATH="$PWD/node_modules/.bin:$PATH"
rm -rf src/generated test/generated
mkdir -p src/generated test/generated
es="target=ts,import_extension=ts"
protoc -I test/proto/grpc --es_out=src/generated --es_opt="$es" test/proto/grpc/*.proto
protoc -I test/proto --es_out=test/generated --es_opt="$es" test/proto/*.proto
sed -i '/^\/\* eslint-disable \*\/$/d' {src,test}/generated/*.ts
# An enum is not erasable TypeScript; its one use is a number on the wire.
perl -0pi -e 's{/\*\*(?:(?!\*/).)*\*/\nexport enum \w+ \{.*?\n\}\n\n}{}sg; s{GenEnum<\w+>}{GenEnum<number>}g; s{status: HealthCheckResponse_ServingStatus;}{status: number;}g' src/generated/health_pb.ts
pnpm --dir ../.. exec oxfmt packages/transport-grpc
