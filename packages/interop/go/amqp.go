package main

import (
	"context"
	"encoding/json"

	"github.com/go-kit/kit/endpoint"
	kitamqp "github.com/go-kit/kit/transport/amqp"
	"github.com/openzipkin/zipkin-go"
	amqp "github.com/rabbitmq/amqp091-go"
)

func amqpQueue(op operation) string { return "interop." + op.name }

func serveAMQP(url string, served []operation) error {
	connection, err := amqp.Dial(url)
	if err != nil {
		return err
	}
	for _, op := range served {
		channel, err := connection.Channel()
		if err != nil {
			return err
		}
		queue, err := channel.QueueDeclare(amqpQueue(op), false, false, false, false, nil)
		if err != nil {
			return err
		}
		deliveries, err := channel.Consume(queue.Name, "", false, false, false, false, nil)
		if err != nil {
			return err
		}
		decode := func(_ context.Context, delivery *amqp.Delivery) (any, error) {
			request := op.newRequest()
			return request, json.Unmarshal(delivery.Body, request)
		}
		handle := kitamqp.NewSubscriber(
			op.endpoint,
			decode,
			kitamqp.EncodeJSONResponse,
			kitamqp.SubscriberAfter(kitamqp.SetAckAfterEndpoint(false)),
			kitamqp.SubscriberErrorEncoder(kitamqp.ReplyAndAckErrorEncoder),
		).ServeDelivery(channel)
		go func() {
			for delivery := range deliveries {
				go handle(&delivery)
			}
		}()
	}
	return nil
}

func amqpClient(url string, op operation, _ *zipkin.Tracer) (endpoint.Endpoint, error) {
	connection, err := amqp.Dial(url)
	if err != nil {
		return nil, err
	}
	channel, err := connection.Channel()
	if err != nil {
		return nil, err
	}
	replies, err := channel.QueueDeclare("", false, true, true, false, nil)
	if err != nil {
		return nil, err
	}
	encode := func(_ context.Context, publishing *amqp.Publishing, request any) (err error) {
		publishing.Body, err = json.Marshal(request)
		return err
	}
	decode := func(_ context.Context, delivery *amqp.Delivery) (any, error) { return decodePlain(op, delivery.Body) }
	return kitamqp.NewPublisher(
		channel,
		&replies,
		encode,
		decode,
		kitamqp.PublisherBefore(kitamqp.SetPublishKey(amqpQueue(op))),
	).Endpoint(), nil
}
