/**
 * What kube-proxy does, for TCP and in user space, because the nodes' kernel has no tables for the real one: this machine owns
 * the addresses of all services, and hands each connection to a ready endpoint. Endpoints see the bed's address, not the caller's.
 */
import { connect, createServer, type Server, type Socket } from "node:net";
import {
  CoreV1Api,
  DiscoveryV1Api,
  makeInformer,
  type KubeConfig,
  type V1EndpointSlice,
  type V1Service,
} from "@kubernetes/client-node";

const RETRY_MS = 1000;
const SERVICE_LABEL = "kubernetes.io/service-name";

export interface Services {
  /** IPv4 addresses of a service's name: its own, or those of its endpoints where it has none; undefined if there is none. */
  lookUp(namespace: string, name: string): readonly string[] | undefined;
}

/** Until the process ends. */
export function followServices(admin: KubeConfig): Services {
  const core = admin.makeApiClient(CoreV1Api);
  const discovery = admin.makeApiClient(DiscoveryV1Api);
  const services = makeInformer<V1Service>(admin, "/api/v1/services", () =>
    core.listServiceForAllNamespaces(),
  );
  const slices = makeInformer<V1EndpointSlice>(admin, "/apis/discovery.k8s.io/v1/endpointslices", () =>
    discovery.listEndpointSliceForAllNamespaces(),
  );
  const listening = new Map<string, Server>();

  const endpoints = (namespace: string, name: string): V1EndpointSlice[] =>
    slices
      .list()
      .filter(
        ({ metadata }) => metadata?.namespace === namespace && metadata.labels?.[SERVICE_LABEL] === name,
      );
  const ready = (slice: V1EndpointSlice): string[] =>
    (slice.endpoints ?? [])
      .filter(({ conditions }) => conditions?.ready !== false)
      .flatMap(({ addresses }) => addresses);

  let turn = 0;
  const hand = (socket: Socket, namespace: string, service: string, port: string): void => {
    const targets = endpoints(namespace, service).flatMap((slice) =>
      (slice.ports ?? [])
        .filter((each) => (each.name ?? "") === port && each.port !== undefined)
        .flatMap((each) => ready(slice).map((host) => ({ host, port: each.port ?? 0 }))),
    );
    const target = targets[turn++ % Math.max(targets.length, 1)];
    if (target === undefined) return void socket.resetAndDestroy();
    const onward = connect(target);
    onward.on("error", () => socket.resetAndDestroy());
    socket.on("error", () => onward.destroy());
    socket.pipe(onward).pipe(socket);
  };

  const update = (): void => {
    const wanted = new Map<string, () => Server>();
    for (const { metadata, spec } of services.list()) {
      const [address, namespace, name] = [spec?.clusterIP, metadata?.namespace, metadata?.name];
      if (address === undefined || address === "None" || namespace === undefined || name === undefined)
        continue;
      if (namespace === "default" && name === "kubernetes") continue; // the API server listens there itself
      for (const { protocol, port, name: portName = "" } of spec?.ports ?? []) {
        if ((protocol ?? "TCP") !== "TCP") continue;
        wanted.set(`${address}:${port}:${namespace}/${name}:${portName}`, () =>
          createServer({ allowHalfOpen: true }, (socket) => hand(socket, namespace, name, portName)).listen(
            port,
            address,
          ),
        );
      }
    }
    for (const [key, server] of listening)
      if (!wanted.has(key)) {
        listening.delete(key);
        server.close();
      }
    for (const [key, listen] of wanted)
      if (!listening.has(key))
        listening.set(
          key,
          listen().on("error", (error) => console.error(`service ${key}: ${error.message}`)),
        );
  };

  for (const informer of [services, slices]) {
    informer.on("error", () => setTimeout(() => void informer.start(), RETRY_MS));
    void informer.start();
  }
  for (const event of ["add", "update", "delete"] as const) services.on(event, update);

  return {
    lookUp(namespace, name) {
      const found = services
        .list()
        .find(({ metadata }) => metadata?.namespace === namespace && metadata.name === name);
      const address = found?.spec?.clusterIP;
      if (address === undefined) return undefined;
      return address === "None" ? endpoints(namespace, name).flatMap(ready) : [address];
    },
  };
}
