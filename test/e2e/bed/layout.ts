/** Names and addresses of the bed, all inside its own network namespace: docs are in README.md beside this file. */

export interface BedNode {
  readonly name: string;
  /** Also the InternalIP of its Node. */
  readonly address: string;
  /** A tap device; the host's end of it has HOST_ADDRESS. */
  readonly tap: string;
  /** IPv4 of its pods, a /24. */
  readonly podCidr: string;
}

export const HOST_ADDRESS = "10.77.0.1";
/** Of the `kubernetes` service: pods reach the API server without kube-proxy, because it listens there itself. */
export const API_ADDRESS = "10.96.0.1";
export const DNS_ADDRESS = "10.96.0.10";
export const SERVICE_CIDR = "10.96.0.0/16";
export const CLUSTER_DOMAIN = "cluster.local";
/** Where a node runs commands for the bed, see guest/agent.ts. */
export const AGENT_PORT = 10990;

export const nodeNumber = (number: number): BedNode => ({
  name: `worker-${number}`,
  address: `10.77.0.${10 + number}`,
  tap: `dmthin-tap${number}`,
  podCidr: `10.78.${number}.0/24`,
});

/** Sizes of a node's raw disks, /dev/ubdb onward; sparse files. */
export const DISK_SIZES = ["24G", "2G", "2G"] as const;
export const NODE_MEMORY = "3G";
/** What the bed calls its images of its own. */
export const PAUSE_IMAGE = "registry.k8s.io/pause:3.10";
