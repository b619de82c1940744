// Command csi-node-driver-registrar stands in for the sidecar of that name in the test bed, with the same flags, because the Go
// module proxy need not have that sidecar: it tells the kubelet of a CSI driver by the kubelet's plugin registration service.
package main

import (
	"context"
	"flag"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	registration "k8s.io/kubelet/pkg/apis/pluginregistration/v1"
)

var (
	csiAddress   = flag.String("csi-address", "/run/csi/socket", "socket of the driver in this container, a path with or without unix://")
	kubeletPath  = flag.String("kubelet-registration-path", "", "the same socket as the kubelet sees it")
	directory    = flag.String("plugin-registration-path", "/registration", "where the kubelet looks for registration sockets")
	timeout      = flag.Duration("timeout", 10*time.Second, "of a call to the driver")
	httpEndpoint = flag.String("http-endpoint", "", "address to serve /healthz at")
	_            = flag.Int("v", 0, "ignored")
)

type server struct {
	registration.UnimplementedRegistrationServer
	driver string
}

func (s server) GetInfo(context.Context, *registration.InfoRequest) (*registration.PluginInfo, error) {
	return &registration.PluginInfo{
		Type:              registration.CSIPlugin,
		Name:              s.driver,
		Endpoint:          *kubeletPath,
		SupportedVersions: []string{"1.0.0"},
	}, nil
}

// A kubelet that refused is asked again by the next start of the container.
func (s server) NotifyRegistrationStatus(_ context.Context, status *registration.RegistrationStatus) (*registration.RegistrationStatusResponse, error) {
	if !status.PluginRegistered {
		log.Fatalf("the kubelet refused %s: %s", s.driver, status.Error)
	}
	log.Printf("the kubelet has registered %s", s.driver)
	return &registration.RegistrationStatusResponse{}, nil
}

func driverName() string {
	connection, err := grpc.NewClient("unix://"+strings.TrimPrefix(*csiAddress, "unix://"), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		log.Fatal(err)
	}
	defer connection.Close()
	for {
		limited, cancel := context.WithTimeout(context.Background(), *timeout)
		info, err := csi.NewIdentityClient(connection).GetPluginInfo(limited, &csi.GetPluginInfoRequest{}, grpc.WaitForReady(true))
		cancel()
		if err == nil {
			return info.GetName()
		}
		log.Printf("the driver does not answer yet: %v", err)
		time.Sleep(time.Second)
	}
}

func main() {
	flag.Parse()
	if *kubeletPath == "" {
		log.Fatal("--kubelet-registration-path is required")
	}
	driver := driverName()
	socket := filepath.Join(*directory, driver+"-reg.sock")
	if err := os.Remove(socket); err != nil && !os.IsNotExist(err) {
		log.Fatal(err)
	}
	syscall.Umask(0o077)
	listener, err := net.Listen("unix", socket)
	if err != nil {
		log.Fatal(err)
	}
	if *httpEndpoint != "" {
		http.HandleFunc("/healthz", func(answer http.ResponseWriter, _ *http.Request) {
			if _, err := os.Stat(socket); err != nil {
				http.Error(answer, err.Error(), http.StatusInternalServerError)
			}
		})
		go func() { log.Fatal(http.ListenAndServe(*httpEndpoint, nil)) }()
	}
	service := grpc.NewServer()
	registration.RegisterRegistrationServer(service, server{driver: driver})
	log.Printf("%s: waiting for the kubelet on %s", driver, socket)
	log.Fatal(service.Serve(listener))
}
