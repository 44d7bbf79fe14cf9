package main

import (
	"flag"
	"net"
	"net/http"
)

// serve runs the operations on every transport whose address is given. HTTP comes last: whoever is answered there finds all others ready.
func serve(args []string) error {
	flags := flag.NewFlagSet("serve", flag.ContinueOnError)
	httpAddress := flags.String("http", "", "where HTTP listens")
	jsonrpcAddress := flags.String("jsonrpc", "", "where JSON-RPC listens")
	grpcAddress := flags.String("grpc", "", "where gRPC listens")
	thriftAddress := flags.String("thrift", "", "where Thrift listens")
	thriftProtocol := flags.String("thrift-protocol", "binary", "binary, compact or json")
	thriftFramed := flags.Bool("thrift-framed", false, "whether Thrift's messages are framed")
	natsURL := flags.String("nats", "", "the NATS server to subscribe at")
	amqpURL := flags.String("amqp", "", "the AMQP broker to consume from")
	collector := flags.String("zipkin", "", "where spans are posted")
	if err := flags.Parse(args); err != nil {
		return err
	}
	tracer, _, err := newTracer("gokit-server", *collector)
	if err != nil {
		return err
	}
	served := operations()
	failed := make(chan error)
	listening := func(address string, run func(net.Listener) error) error {
		if address == "" {
			return nil
		}
		listener, err := net.Listen("tcp", address)
		if err == nil {
			go func() { failed <- run(listener) }()
		}
		return err
	}

	if *natsURL != "" {
		if err := serveNATS(*natsURL, served); err != nil {
			return err
		}
	}
	if *amqpURL != "" {
		if err := serveAMQP(*amqpURL, served); err != nil {
			return err
		}
	}
	if *thriftAddress != "" {
		if err := serveThrift(*thriftAddress, *thriftProtocol, *thriftFramed, served, failed); err != nil {
			return err
		}
	}
	if err := listening(*grpcAddress, grpcServer(served, tracer).Serve); err != nil {
		return err
	}
	jsonrpc, err := jsonrpcHandler(served, tracer)
	if err != nil {
		return err
	}
	if err := listening(*jsonrpcAddress, func(l net.Listener) error { return http.Serve(l, jsonrpc) }); err != nil {
		return err
	}
	if err := listening(*httpAddress, func(l net.Listener) error { return http.Serve(l, httpHandler(served, tracer)) }); err != nil {
		return err
	}
	return <-failed
}
