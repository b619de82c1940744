/** The bed's network. It lives in a network namespace of its own: nothing of it is seen outside, or left behind. */
import { writeFileSync } from "node:fs";
import { command } from "./children.ts";
import { HOST_ADDRESS, SERVICE_CIDR, type BedNode } from "./layout.ts";

export async function makeNetwork(nodes: readonly BedNode[]): Promise<void> {
  const ip = (...args: readonly string[]): Promise<string> => command("ip", ...args);
  await ip("link", "set", "lo", "up");
  // All addresses of services are this machine's: the API server, DNS and the forwarder of services listen on them.
  await ip("route", "add", "local", SERVICE_CIDR, "dev", "lo");
  for (const { tap, address, podCidr } of nodes) {
    await ip("tuntap", "add", "dev", tap, "mode", "tap");
    await ip("address", "add", `${HOST_ADDRESS}/32`, "dev", tap);
    await ip("link", "set", tap, "up");
    await ip("route", "add", address, "dev", tap, "src", HOST_ADDRESS);
    await ip("route", "add", podCidr, "via", address, "dev", tap, "src", HOST_ADDRESS, "onlink");
  }
  // From one node to the other; of this namespace only.
  writeFileSync("/proc/sys/net/ipv4/ip_forward", "1");
}
