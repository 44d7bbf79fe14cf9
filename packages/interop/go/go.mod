// What go-kit's users have: its last release, with what that asks for.
module kit/interop

go 1.26

require (
	github.com/apache/thrift v0.17.0
	github.com/go-kit/kit v0.13.0
	github.com/golang-jwt/jwt/v4 v4.0.0
	github.com/nats-io/nats.go v1.15.0
	github.com/openzipkin/zipkin-go v0.2.5
	github.com/rabbitmq/amqp091-go v1.2.0
	google.golang.org/grpc v1.40.0
	google.golang.org/protobuf v1.27.1
)

require (
	github.com/go-kit/log v0.2.0 // indirect
	github.com/go-logfmt/logfmt v0.5.1 // indirect
	github.com/golang/protobuf v1.5.2 // indirect
	github.com/nats-io/nkeys v0.3.0 // indirect
	github.com/nats-io/nuid v1.0.1 // indirect
	golang.org/x/crypto v0.0.0-20220315160706-3147a52a75dd // indirect
	golang.org/x/net v0.0.0-20211216030914-fe4d6282115f // indirect
	golang.org/x/sys v0.0.0-20220823224334-20c2bfdbfe24 // indirect
	golang.org/x/text v0.3.7 // indirect
	google.golang.org/genproto v0.0.0-20210917145530-b395a37504d4 // indirect
)
