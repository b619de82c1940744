// Command livenessprobe stands in for the sidecar of that name in the test bed, with the same flags, because the Go module proxy
// need not have that sidecar: it answers GET /healthz by asking the driver's Probe.
package main

import (
	"context"
	"flag"
	"log"
	"net/http"
	"strings"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

var (
	csiAddress   = flag.String("csi-address", "/run/csi/socket", "socket of the driver, a path with or without unix://")
	healthPort   = flag.String("health-port", "9808", "port to serve /healthz at, on all addresses")
	httpEndpoint = flag.String("http-endpoint", "", "address to serve it at, instead of --health-port")
	probeTimeout = flag.Duration("probe-timeout", time.Second, "of a call of Probe")
	_            = flag.Int("v", 0, "ignored")
)

func main() {
	flag.Parse()
	connection, err := grpc.NewClient("unix://"+strings.TrimPrefix(*csiAddress, "unix://"), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		log.Fatal(err)
	}
	identity := csi.NewIdentityClient(connection)
	http.HandleFunc("/healthz", func(answer http.ResponseWriter, request *http.Request) {
		limited, cancel := context.WithTimeout(request.Context(), *probeTimeout)
		defer cancel()
		probed, err := identity.Probe(limited, &csi.ProbeRequest{})
		switch {
		case err != nil:
			log.Printf("Probe: %v", err)
			http.Error(answer, err.Error(), http.StatusInternalServerError)
		case probed.GetReady() != nil && !probed.GetReady().GetValue():
			http.Error(answer, "the driver is not ready", http.StatusInternalServerError)
		default:
			_, _ = answer.Write([]byte("ok"))
		}
	})
	address := *httpEndpoint
	if address == "" {
		address = ":" + *healthPort
	}
	log.Fatal(http.ListenAndServe(address, nil))
}
