package main

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/go-kit/kit/endpoint"
	kitnats "github.com/go-kit/kit/transport/nats"
	"github.com/nats-io/nats.go"
	"github.com/openzipkin/zipkin-go"
)

func natsSubject(op operation) string { return "interop." + op.name }

func serveNATS(url string, served []operation) error {
	connection, err := nats.Connect(url)
	if err != nil {
		return err
	}
	for _, op := range served {
		decode := func(_ context.Context, message *nats.Msg) (any, error) {
			request := op.newRequest()
			return request, json.Unmarshal(message.Data, request)
		}
		subscriber := kitnats.NewSubscriber(op.endpoint, decode, kitnats.EncodeJSONResponse)
		if _, err := connection.QueueSubscribe(natsSubject(op), "interop", subscriber.ServeMsg(connection)); err != nil {
			return err
		}
	}
	return connection.Flush()
}

func natsClient(url string, op operation, _ *zipkin.Tracer) (endpoint.Endpoint, error) {
	connection, err := nats.Connect(url)
	if err != nil {
		return nil, err
	}
	decode := func(_ context.Context, message *nats.Msg) (any, error) { return decodePlain(op, message.Data) }
	return kitnats.NewPublisher(connection, natsSubject(op), kitnats.EncodeJSONRequest, decode).Endpoint(), nil
}

// decodePlain reads a reply where an error is told in the response's place, as go-kit's NATS and AMQP servers do.
func decodePlain(op operation, reply []byte) (any, error) {
	response := op.newResponse()
	if _, inside := response.(endpoint.Failer); !inside {
		var failure struct {
			Err string `json:"err"`
		}
		if err := json.Unmarshal(reply, &failure); err != nil {
			return nil, err
		}
		if failure.Err != "" {
			return nil, errors.New(failure.Err)
		}
	}
	return response, json.Unmarshal(reply, response)
}
