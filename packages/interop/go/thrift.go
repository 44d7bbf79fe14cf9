package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/apache/thrift/lib/go/thrift"
	"github.com/go-kit/kit/endpoint"
	"github.com/openzipkin/zipkin-go"

	"kit/interop/gen/thriftgen"
)

// go-kit has no package for Thrift: the service that the compiler generated is bound to endpoints by hand, as in its addsvc.

func thriftFactories(protocol string, framed bool, configuration *thrift.TConfiguration) (thrift.TTransportFactory, thrift.TProtocolFactory, error) {
	transports := thrift.TTransportFactory(thrift.NewTBufferedTransportFactory(4096))
	if framed {
		transports = thrift.NewTFramedTransportFactoryConf(thrift.NewTTransportFactory(), configuration)
	}
	switch protocol {
	case "binary":
		return transports, thrift.NewTBinaryProtocolFactoryConf(configuration), nil
	case "compact":
		return transports, thrift.NewTCompactProtocolFactoryConf(configuration), nil
	case "json":
		return transports, thrift.NewTJSONProtocolFactory(), nil
	default:
		return nil, nil, fmt.Errorf("no protocol %q", protocol)
	}
}

// thriftPatience is how often a client that waits looks at its context.
const thriftPatience = 100 * time.Millisecond

type thriftService struct{ endpoints map[string]endpoint.Endpoint }

func serveThrift(address, protocol string, framed bool, served []operation, failed chan<- error) error {
	transports, protocols, err := thriftFactories(protocol, framed, &thrift.TConfiguration{})
	if err != nil {
		return err
	}
	socket, err := thrift.NewTServerSocket(address)
	if err != nil {
		return err
	}
	if err := socket.Listen(); err != nil {
		return err
	}
	service := &thriftService{endpoints: map[string]endpoint.Endpoint{}}
	for _, op := range served {
		service.endpoints[op.name] = op.endpoint
	}
	server := thrift.NewTSimpleServer4(thriftgen.NewInteropProcessor(service), socket, transports, protocols)
	go func() { failed <- server.Serve() }()
	return nil
}

func (s *thriftService) Sum(ctx context.Context, a, b int32) (*thriftgen.SumResponse, error) {
	response, err := s.endpoints["sum"](ctx, &sumRequest{A: a, B: b})
	if err != nil {
		return nil, err
	}
	return as[thriftgen.SumResponse](response)
}

func (s *thriftService) Echo(ctx context.Context, text string) (string, error) {
	response, err := s.endpoints["echo"](ctx, &echoMessage{Text: text})
	if err != nil {
		return "", err
	}
	return response.(*echoMessage).Text, nil
}

func (s *thriftService) Fail(ctx context.Context, coded bool) error {
	_, err := s.endpoints["fail"](ctx, &failRequest{Coded: coded})
	if errors.As(err, &codedError{}) {
		return &thriftgen.Coded{Message: err.Error()}
	}
	return err
}

func (s *thriftService) Wait(ctx context.Context, id string, ms int32) error {
	_, err := s.endpoints["wait"](ctx, &waitRequest{ID: id, Ms: ms})
	return err
}

func (s *thriftService) Waited(ctx context.Context, id string) (*thriftgen.WaitedResponse, error) {
	response, err := s.endpoints["waited"](ctx, &waitedRequest{ID: id})
	if err != nil {
		return nil, err
	}
	return as[thriftgen.WaitedResponse](response)
}

func (s *thriftService) Whoami(ctx context.Context) (*thriftgen.WhoamiResponse, error) {
	response, err := s.endpoints["whoami"](ctx, &nothing{})
	if err != nil {
		return nil, err
	}
	return as[thriftgen.WhoamiResponse](response)
}

func thriftClient(protocol string, framed bool) dialer {
	return func(address string, op operation, _ *zipkin.Tracer) (endpoint.Endpoint, error) {
		configuration := &thrift.TConfiguration{SocketTimeout: thriftPatience}
		transports, protocols, err := thriftFactories(protocol, framed, configuration)
		if err != nil {
			return nil, err
		}
		transport, err := transports.GetTransport(thrift.NewTSocketConf(address, configuration))
		if err != nil {
			return nil, err
		}
		if err := transport.Open(); err != nil {
			return nil, err
		}
		client := thriftgen.NewInteropClientFactory(transport, protocols)
		return thriftEndpoint(client, op), nil
	}
}

func thriftEndpoint(client thriftgen.Interop, op operation) endpoint.Endpoint {
	return func(ctx context.Context, request any) (response any, err error) {
		switch q := request.(type) {
		case *sumRequest:
			response, err = client.Sum(ctx, q.A, q.B)
		case *echoMessage:
			var text string
			text, err = client.Echo(ctx, q.Text)
			response = &echoMessage{Text: text}
		case *failRequest:
			response, err = &nothing{}, client.Fail(ctx, q.Coded)
		case *waitRequest:
			response, err = &nothing{}, client.Wait(ctx, q.ID, q.Ms)
		case *waitedRequest:
			response, err = client.Waited(ctx, q.ID)
		case *nothing:
			response, err = client.Whoami(ctx)
		default:
			return nil, fmt.Errorf("%s is not in the IDL", op.name)
		}
		var told thrift.TApplicationException
		if errors.As(err, &told) {
			err = wireError{err, int(told.TypeId())}
		}
		return response, err
	}
}
