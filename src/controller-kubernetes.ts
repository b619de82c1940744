/** A controller in Kubernetes: the CA in a Secret, nodes that enrol with their tokens, and the roster from the API. */
import type { KubernetesCluster } from "./config/controller.ts";
import { randomBytes } from "node:crypto";
import { hostname } from "node:os";
import type { ClusterParts, RunningCluster } from "./controller-files.ts";
import type { ClusterOrphanList } from "./core/cluster-orphans.ts";
import { messageOf } from "./core/errors.ts";
import { clusterAuthority } from "./identity/authority.ts";
import { makeRequest, sign } from "./identity/certificates.ts";
import { connectApi, type ApiOptions } from "./kube/api.ts";
import { lookForOrphans } from "./kube/cluster-look.ts";
import { readClusterUid } from "./kube/cluster-uid.ts";
import { EventRecorder } from "./kube/events.ts";
import { runForLease } from "./kube/lease.ts";
import { orphanCleaner, type CleaningOptions } from "./kube/orphan-cleaning.ts";
import { noteOrphans, orphanNotes } from "./kube/orphan-notes.ts";
import { watchForOrphans } from "./kube/orphan-watch.ts";
import { PoolNews, type NewsOptions } from "./kube/pool-news.ts";
import { followRoster } from "./kube/roster.ts";
import { publishCertificate, secretStore } from "./kube/secret-store.ts";
import { ThinPoolWriter } from "./kube/thin-pools.ts";
import { tokenReviewer } from "./kube/token-review.ts";
import { CERTIFICATE_MS, enrolmentService } from "./route/enrol-service.ts";
import { CONTROLLER_URI } from "./route/identity.ts";
import { listenOn } from "./route/listen.ts";
import { keepRenewed } from "./route/renewal.ts";

const CLOSE_MS = 1000;

export interface KubernetesParts extends ClusterParts, ApiOptions, Pick<NewsOptions, "nodes"> {
  /** Told, before the roster is, what is recorded with all that is made for this cluster. */
  readonly learned: (clusterUid: string) => void;
  /** Told of each list of orphans that came; undefined: this controller does not look any more. */
  readonly found: (list: ClusterOrphanList | undefined) => void;
  readonly cleaned: CleaningOptions["cleaned"];
}

/** Rejects where the API server does not let it begin: kubelet starts it again. */
export async function followKubernetes(
  cluster: KubernetesCluster,
  { identity, take, log, nodes, learned, found, cleaned, version, answered }: KubernetesParts,
): Promise<RunningCluster> {
  const { namespace, authority: name, serviceAccount, podLabel, nodePort } = cluster;
  const api = connectApi({ version, answered });
  const clusterUid = await readClusterUid(api);
  learned(clusterUid);
  const now = (): Date => new Date();
  const authority = await clusterAuthority(secretStore(api, { namespace, name }), now);
  await publishCertificate(api, { namespace, name }, authority);
  const unrenew = keepRenewed({
    identity,
    uri: CONTROLLER_URI,
    log,
    renew: async () => {
      const { key, request } = await makeRequest();
      const subject = { uri: CONTROLLER_URI, use: "controller", lifetimeMs: CERTIFICATE_MS } as const;
      const certificate = await sign(authority, request, subject, now());
      return {
        ca: Buffer.from(authority.certificate),
        certificate: Buffer.from(certificate),
        key: Buffer.from(key),
      };
    },
  });
  const review = tokenReviewer(api, { namespace, serviceAccount });
  const enrolment = enrolmentService(authority, review, now, { log });
  const server = await listenOn(cluster.enrol, [enrolment], identity.servingAnybody());
  log.info({ ...cluster.enrol }, "listening for nodes that enrol");
  const unfollow = followRoster(api, { namespace, podLabel, port: nodePort }, take, log);
  const lease = {
    namespace,
    name: cluster.lease,
    // A pod that is started again has the same name.
    identity: `${hostname()}_${randomBytes(4).toString("hex")}`,
    log,
  };
  const { everyMs, graceMs, notes } = cluster.orphans;
  const looking = { nodes, clusterUid, namespace, graceMs };
  const look = () => lookForOrphans(api, looking);
  const place = { namespace, name: notes };
  const leadership = runForLease(api, lease, () => {
    const recorder = new EventRecorder(api, lease.identity, log);
    const news = new PoolNews(api, { nodes, recorder, log });
    const writer = new ThinPoolWriter(api, { nodes, written: (...each) => news.written(...each), log });
    const noted = async (list: ClusterOrphanList): Promise<void> => {
      found(list);
      try {
        await noteOrphans(orphanNotes(api, place), list, { now: Date.now(), everyMs });
      } catch (error) {
        log.warn(
          { problem: messageOf(error) },
          "orphans are not noted, so their grace period does not begin",
        );
      }
    };
    const unwatch = watchForOrphans({ look, recorder, found: noted, everyMs, log });
    return () => {
      writer.close();
      news.close();
      unwatch();
      found(undefined);
    };
  });
  return {
    get leads() {
      return leadership.leads;
    },
    orphans: look,
    cleanOrphans: orphanCleaner(api, {
      ...looking,
      everyMs,
      notes: orphanNotes(api, place),
      cleaned,
      log,
    }),
    close: async () => {
      unrenew();
      unfollow();
      await leadership.close();
      void server.drain({ idle: () => Promise.resolve(), withinMs: CLOSE_MS });
    },
  };
}
