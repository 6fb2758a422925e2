// Two services of one program, told apart by an argument: a shop over HTTP, and the stock that it asks over gRPC.
// Spans are exported over gRPC.
package main

import (
	"context"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"

	"go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc"
	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/trace"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
)

func main() {
	ended, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	exporter := must(otlptracegrpc.New(ended))
	provider := trace.NewTracerProvider(trace.WithBatcher(exporter))
	defer provider.Shutdown(context.Background())
	otel.SetTracerProvider(provider)
	otel.SetTextMapPropagator(propagation.TraceContext{})

	listener := must(net.Listen("tcp", "127.0.0.1:0"))
	if os.Args[1] == "stock" {
		server := grpc.NewServer(grpc.StatsHandler(otelgrpc.NewServerHandler()))
		stock := health.NewServer()
		stock.SetServingStatus("teapot", grpc_health_v1.HealthCheckResponse_SERVING)
		grpc_health_v1.RegisterHealthServer(server, stock)
		go server.Serve(listener)
	} else {
		go http.Serve(listener, shop(os.Args[2]))
	}
	fmt.Println("listening on", listener.Addr())
	<-ended.Done()
}

// shop sells what the stock has.
func shop(stock string) http.Handler {
	connection := must(grpc.NewClient(stock, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithStatsHandler(otelgrpc.NewClientHandler())))
	client := grpc_health_v1.NewHealthClient(connection)
	mux := http.NewServeMux()
	sell := func(response http.ResponseWriter, request *http.Request, within context.Context) {
		ask := &grpc_health_v1.HealthCheckRequest{Service: request.PathValue("item")}
		if _, err := client.Check(within, ask); err != nil {
			http.Error(response, err.Error(), http.StatusInternalServerError)
		}
	}
	mux.HandleFunc("POST /orders/{item}", func(response http.ResponseWriter, request *http.Request) {
		sell(response, request, request.Context())
	})
	mux.HandleFunc("POST /forgetful/{item}", func(response http.ResponseWriter, request *http.Request) {
		sell(response, request, context.Background()) // the mistake: the context of the request is lost
	})
	return otelhttp.NewHandler(mux, "shop")
}

func must[T any](value T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return value
}
